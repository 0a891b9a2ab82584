//! What is counted of one source: on the board for whoever asks, and on the metrics page where the source is configured.

use crate::Metrics;
use crate::streams::{DropReason, OpenStream};
use samovar_pipelines::{SceneEventKind, SourceFigures, SourceState};
use std::sync::Arc;
use std::time::Duration;

/// What is counted of one source.
pub(super) struct SourceCounts {
    stream: Arc<OpenStream>,
    /// None for a source that a client added.
    page: Option<(Arc<Metrics>, Arc<str>)>,
    /// The reader's own counts as far as they were added.
    seen: SourceFigures,
}

impl SourceCounts {
    pub(super) fn new(stream: &Arc<OpenStream>, page: Option<(Arc<Metrics>, Arc<str>)>) -> Self {
        Self { stream: Arc::clone(stream), page, seen: SourceFigures::default() }
    }

    /// Adds what the reader has counted since the last time.
    pub(super) fn follow(&mut self, figures: SourceFigures) {
        let last = &self.seen;
        let rises = [
            (DropReason::Overloaded, figures.overrun.saturating_sub(last.overrun)),
            (DropReason::Still, figures.still.saturating_sub(last.still)),
            (DropReason::Paced, figures.paced.saturating_sub(last.paced)),
        ];
        for (reason, count) in rises.into_iter().filter(|(_, count)| *count > 0) {
            self.stream.meter().passed_by(count);
            self.stream.meter().dropped(reason, count);
            self.dropped(reason, count);
        }
        let reconnects = figures.reconnects.saturating_sub(last.reconnects);
        self.on_page(|metrics, name| metrics.sources.reconnected(name, reconnects));
        self.seen = figures;
    }

    /// A frame came before the models were warm.
    pub(super) fn not_ready(&self) {
        self.stream.meter().passed_by(1);
        self.stream.meter().dropped(DropReason::NotReady, 1);
        self.dropped(DropReason::NotReady, 1);
    }

    /// Frames found no turn; the board counts them where they are told.
    pub(super) fn overloaded(&self, count: u64) {
        self.dropped(DropReason::Overloaded, count);
    }

    pub(super) fn looked_at(&self, latency: Duration) {
        self.on_page(|metrics, name| metrics.sources.looked_at(name, latency));
    }

    pub(super) fn event(&self, kind: SceneEventKind) {
        self.on_page(|metrics, name| metrics.sources.event(name, kind));
    }

    pub(super) fn state(&self, state: &SourceState) {
        let up = matches!(state, SourceState::Live { .. });
        self.on_page(|metrics, name| metrics.sources.up(name, up));
    }

    fn dropped(&self, reason: DropReason, count: u64) {
        self.on_page(|metrics, name| metrics.sources.dropped(name, reason, count));
    }

    fn on_page(&self, count: impl FnOnce(&Metrics, &str)) {
        if let Some((metrics, name)) = &self.page {
            count(metrics, name);
        }
    }
}

impl Drop for SourceCounts {
    fn drop(&mut self) {
        self.state(&SourceState::Stopped);
    }
}
