//! How configured sources do. The label is a configured name: what clients add is seen at `/v1/sources` and never here, so that
//! nobody can make series.

use super::{Counts, Levels, Times, add, quick};
use crate::streams::DropReason;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use samovar_pipelines::SceneEventKind;
use std::time::Duration;

/// How configured sources do.
pub(crate) struct SourceMetrics {
    up: Levels<SourceLabels>,
    frames: Counts<SourceLabels>,
    dropped: Counts<DropLabels>,
    reconnects: Counts<SourceLabels>,
    events: Counts<EventLabels>,
    latency_seconds: Times<SourceLabels>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SourceLabels {
    source: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DropLabels {
    source: String,
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EventLabels {
    source: String,
    event: &'static str,
}

impl SourceMetrics {
    pub(super) fn register(into: &mut Registry) -> Self {
        Self {
            up: add(into, "samovar_source_up", "1 while a source gives frames.", Family::default()),
            frames: add(into, "samovar_source_frames", "Frames of a source that were looked at.", Family::default()),
            dropped: add(into, "samovar_source_dropped", "Frames of a source that were not.", Family::default()),
            reconnects: add(
                into,
                "samovar_source_reconnects",
                "Times a source was lost and came back.",
                Family::default(),
            ),
            events: add(into, "samovar_source_events", "What happened before a source.", Family::default()),
            latency_seconds: add(into, "samovar_source_latency_seconds", "From a frame to its result.", quick()),
        }
    }

    /// Puts what is counted for this source on the page, at zero.
    pub(crate) fn know(&self, source: &str) {
        self.up(source, false);
        drop(self.frames.get_or_create(&SourceLabels::new(source)));
        drop(self.latency_seconds.get_or_create(&SourceLabels::new(source)));
        self.reconnected(source, 0);
        DropReason::ALL.into_iter().for_each(|reason| self.dropped(source, reason, 0));
        for event in SceneEventKind::ALL {
            drop(self.events.get_or_create(&EventLabels { source: source.to_owned(), event: event.name() }));
        }
    }

    pub(crate) fn up(&self, source: &str, up: bool) {
        self.up.get_or_create(&SourceLabels::new(source)).set(i64::from(up));
    }

    pub(crate) fn looked_at(&self, source: &str, latency: Duration) {
        self.frames.get_or_create(&SourceLabels::new(source)).inc();
        self.latency_seconds.get_or_create(&SourceLabels::new(source)).observe(latency.as_secs_f64());
    }

    pub(crate) fn dropped(&self, source: &str, reason: DropReason, count: u64) {
        let labels = DropLabels { source: source.to_owned(), reason: reason.name() };
        self.dropped.get_or_create(&labels).inc_by(count);
    }

    pub(crate) fn reconnected(&self, source: &str, count: u64) {
        self.reconnects.get_or_create(&SourceLabels::new(source)).inc_by(count);
    }

    pub(crate) fn event(&self, source: &str, kind: SceneEventKind) {
        self.events.get_or_create(&EventLabels { source: source.to_owned(), event: kind.name() }).inc();
    }
}

impl SourceLabels {
    fn new(source: &str) -> Self {
        Self { source: source.to_owned() }
    }
}
