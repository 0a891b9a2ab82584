//! Messages of a live anomaly stream as JSON: results and events out, control messages in.

use super::person::TrackedPersonBody;
use super::{AnomalyControlOptions, AnomalyOptionsBody, TimingsBody, ms, rfc3339};
use crate::streams::OpenStream;
use samovar_models::COCO_KEYPOINTS;
use samovar_pipelines::{SceneEvent, SceneFrame};
use samovar_runtime::{Completed, Generation};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use utoipa::ToSchema;

/// A message of an anomaly stream, beside those of every stream. `type` tells which.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum AnomalyMessageBody {
    /// All models are warm: frames are looked at from now on.
    Ready(AnomalyReadyBody),
    /// Who is where in a frame.
    Result(SceneFrameBody),
    /// Something happened. Never left out for newer frames.
    Event(SceneEventBody),
    /// What is in force from the next frame on: the answer to a control message.
    Options(AnomalyOptionsBody),
}

/// What a stream begins with.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AnomalyReadyBody {
    /// The stream's name at `/v1/streams`.
    pub(crate) stream: String,
    /// The models, the one that looks at the frames first.
    pub(crate) models: Vec<StreamModelBody>,
    /// Whether the stream found all of them warm.
    pub(crate) warm: bool,
    /// From the request to this message.
    pub(crate) open_ms: f64,
    /// The names of the key points, in their order.
    #[schema(example = json!(["nose", "left_eye"]))]
    pub(crate) keypoint_names: &'static [&'static str],
    /// What is in force.
    pub(crate) options: AnomalyOptionsBody,
}

/// One model of a stream.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StreamModelBody {
    /// Its configured name.
    #[schema(value_type = String, example = "pose")]
    model: Arc<str>,
    /// What goes in and comes out.
    #[schema(example = "yolo-pose")]
    family: &'static str,
    /// Which loaded copy serves.
    generation: u64,
    /// The version of the model's folder, where it has versions.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<u64>,
    /// The engine that runs it.
    #[schema(example = "rten")]
    engine: &'static str,
    /// The arithmetic it runs in.
    #[schema(example = "f32")]
    precision: &'static str,
}

/// Who is where in a frame.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SceneFrameBody {
    /// Number of the frame, from 0 in the order of arrival.
    frame: u64,
    /// The frame's time since the stream began.
    time_ms: f64,
    /// Width of the picture, in pixels.
    width: u32,
    /// Height of the picture, in pixels.
    height: u32,
    /// Everybody who is followed, by track.
    persons: Vec<TrackedPersonBody>,
    /// Where the time went: the run that found people.
    timings: TimingsBody,
    /// From the poses to the last person's score.
    scoring_ms: f64,
    /// Persons who have no score in this frame because there was no time for it; left out where there are none.
    #[serde(skip_serializing_if = "super::detection::is_zero")]
    windows_dropped: u32,
}

/// Something that happened.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SceneEventBody {
    /// `person.appeared`, `person.left`, `anomaly.started`, `anomaly.updated` or `anomaly.ended`.
    #[schema(example = "anomaly.started")]
    event: &'static str,
    /// Its number within the stream, from 1.
    number: u64,
    /// The number of the frame at which it was told.
    frame: u64,
    /// That frame's time since the stream began.
    time_ms: f64,
    /// When the person appeared, or the anomaly began, on the same clock.
    since_ms: f64,
    /// The frame's time by the wall clock (RFC 3339).
    #[schema(example = "2026-11-21T06:23:14.120Z")]
    time: String,
    /// The person as last seen.
    person: TrackedPersonBody,
    /// The highest score since then; null for somebody who never had one.
    score_max: Option<f32>,
    /// The zone that the person stands in, where zones are set.
    #[schema(value_type = Option<String>)]
    zone: Option<Arc<str>>,
    /// The stream's name at `/v1/streams`.
    stream: String,
    /// The source that the stream comes from; null where a client sends it.
    #[schema(value_type = Option<String>)]
    source: Option<Arc<str>>,
    /// What is kept of it, where something is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) evidence: Option<EvidenceLinks>,
}

/// Where the evidence of an event is to be had.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub(crate) struct EvidenceLinks {
    /// The annotated picture (JPEG).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) snapshot: Option<String>,
    /// Some seconds before and after (MP4). It is there when they are over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) clip: Option<String>,
}

/// A message from the client. Unknown types and fields are answered with an error event.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum AnomalyControl {
    /// Other options from the next frame on; what is left out stays as it is.
    Options(AnomalyControlOptions),
}

impl AnomalyReadyBody {
    pub(crate) const NAMES: &'static [&'static str] = &COCO_KEYPOINTS;
}

impl From<&Generation> for StreamModelBody {
    fn from(generation: &Generation) -> Self {
        Self {
            model: Arc::clone(&generation.name),
            family: generation.family.name(),
            generation: generation.number,
            version: generation.version,
            engine: generation.engine,
            precision: generation.precision.name(),
        }
    }
}

impl SceneFrameBody {
    /// The result about a frame that took `total` from its arrival on.
    pub(crate) fn new(frame: u64, completed: &Completed<SceneFrame>, total: Duration) -> Self {
        let scene = &completed.output;
        let (width, height) = scene.picture.size();
        Self {
            frame,
            time_ms: ms(scene.time),
            width,
            height,
            persons: scene.persons.iter().map(TrackedPersonBody::from).collect(),
            timings: TimingsBody::new(&completed.timings, total),
            scoring_ms: ms(scene.scoring),
            windows_dropped: scene.windows_dropped,
        }
    }
}

impl SceneEventBody {
    /// The event of that stream; `wall` is the time of its frame by the wall clock.
    pub(crate) fn new(event: &SceneEvent, wall: SystemTime, stream: &OpenStream) -> Self {
        Self {
            event: event.kind.name(),
            number: event.number,
            frame: event.frame,
            time_ms: ms(event.time),
            since_ms: ms(event.since),
            time: rfc3339(wall),
            person: TrackedPersonBody::from(&event.person),
            score_max: event.score_max,
            zone: event.zone.clone(),
            stream: stream.id().to_string(),
            source: stream.facts().source.clone(),
            evidence: None,
        }
    }
}
