//! Open streams as JSON.

use super::{ms, rfc3339};
use crate::streams::{OpenStream, StreamFigures, StreamKind};
use serde::Serialize;
use std::sync::Arc;
use std::time::Duration;
use utoipa::ToSchema;

/// Every open stream, the oldest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StreamList {
    /// Always `list`.
    #[schema(example = "list")]
    pub(crate) object: &'static str,
    /// The streams.
    pub(crate) data: Vec<StreamBody>,
}

/// One open stream, and how it is doing.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StreamBody {
    /// Its name.
    #[schema(example = "6f9619ff8b86d011b42d00c04fc964ff")]
    id: String,
    /// What its frames are looked at for.
    kind: StreamKind,
    /// `opening`, `live`, `waiting` (its source is away), `ended` or `closing`.
    #[schema(example = "live")]
    state: &'static str,
    /// Why its source is away.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    /// When its source is tried again, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_in_ms: Option<f64>,
    /// The source that it comes from; null where a client sends it.
    #[schema(value_type = Option<String>)]
    source: Option<Arc<str>>,
    /// The configured names of its models, the one that looks at the frames first.
    #[schema(example = json!(["pose", "movement"]))]
    models: Vec<String>,
    /// Its share under overload.
    weight: u16,
    /// When it was opened (RFC 3339).
    #[schema(example = "2026-11-21T06:23:14.120Z")]
    opened: String,
    /// How it is doing.
    figures: StreamFiguresBody,
}

/// How a stream is doing.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StreamFiguresBody {
    /// Since it was opened, in seconds.
    open_s: f64,
    /// Frames that came.
    frames: u64,
    /// Frames that were looked at.
    results: u64,
    /// Frames that were not.
    dropped: StreamDropsBody,
    /// Frames that could not be looked at.
    errors: u64,
    /// Events told.
    events: u64,
    /// The newest event.
    #[schema(example = "anomaly.started")]
    last_event: Option<&'static str>,
    /// How long ago that was, in seconds.
    last_event_ago_s: Option<f64>,
    /// Frames that came in each second, over the last ten.
    fps_in: f64,
    /// Frames that were looked at in each second, over the last ten.
    fps: f64,
    /// From a frame's arrival to its result: half of the recent ones came within.
    latency_p50_ms: Option<f64>,
    /// The same for 99 in 100.
    latency_p99_ms: Option<f64>,
    /// Waiting for a slot, on the average of recent frames.
    queue_ms: Option<f64>,
    /// The engine's run, on the average of recent frames.
    inference_ms: Option<f64>,
    /// Bytes of the frames that came.
    bytes_in: u64,
    /// Bytes of what was told to whoever opened the stream.
    bytes_out: u64,
}

/// Frames that were not looked at, by reason.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StreamDropsBody {
    /// Newer ones took their place, or they waited too long.
    overloaded: u64,
    /// They came before the models were warm.
    not_ready: u64,
    /// Nothing moved.
    still: u64,
    /// More came than the stream is to look at.
    paced: u64,
}

impl From<&OpenStream> for StreamBody {
    fn from(stream: &OpenStream) -> Self {
        let (state, facts) = (stream.state(), stream.facts());
        Self {
            id: stream.id().to_string(),
            kind: facts.kind,
            state: state.name(),
            reason: state.reason(),
            retry_in_ms: state.retry_in().map(ms),
            source: facts.source.clone(),
            models: facts.models.clone(),
            weight: facts.weight.get(),
            opened: rfc3339(stream.opened()),
            figures: StreamFiguresBody::from(&stream.meter().figures()),
        }
    }
}

impl From<&StreamFigures> for StreamFiguresBody {
    fn from(figures: &StreamFigures) -> Self {
        let dropped = figures.dropped;
        Self {
            open_s: seconds(figures.open),
            frames: figures.frames_in,
            results: figures.results,
            dropped: StreamDropsBody {
                overloaded: dropped.overloaded,
                not_ready: dropped.not_ready,
                still: dropped.still,
                paced: dropped.paced,
            },
            errors: figures.errors,
            events: figures.events,
            last_event: figures.last_event,
            last_event_ago_s: figures.last_event_ago.map(seconds),
            fps_in: figures.fps_in,
            fps: figures.fps,
            latency_p50_ms: figures.latency_p50.map(ms),
            latency_p99_ms: figures.latency_p99.map(ms),
            queue_ms: figures.queued.map(ms),
            inference_ms: figures.ran.map(ms),
            bytes_in: figures.bytes_in,
            bytes_out: figures.bytes_out,
        }
    }
}

fn seconds(duration: Duration) -> f64 {
    ms(duration) / 1e3
}
