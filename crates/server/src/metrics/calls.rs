//! Calls that are kept, and what of them could not be.

use super::{Counts, add};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// Calls that are kept, and what of them could not be.
pub(crate) struct CallMetrics {
    open: Gauge,
    waiting: Gauge,
    lost: Counts<LossLabels>,
    audio_lost: Counter,
    removed: Counter,
}

/// Why something of a call was not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum CallLoss {
    /// Too much waits to be written.
    Busy,
    /// The disk is full or fails.
    Disk,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LossLabels {
    reason: &'static str,
}

impl CallLoss {
    const ALL: [Self; 2] = [Self::Busy, Self::Disk];

    const fn name(self) -> &'static str {
        match self {
            Self::Busy => "busy",
            Self::Disk => "disk",
        }
    }
}

impl CallMetrics {
    pub(super) fn register(into: &mut Registry) -> Self {
        Self {
            open: add(into, "samovar_calls_open", "Calls that are being kept.", Gauge::default()),
            waiting: add(into, "samovar_calls_waiting", "Entries of calls that wait for the disk.", Gauge::default()),
            lost: add(into, "samovar_calls_lost", "Entries of calls that were not kept.", Family::default()),
            audio_lost: add(into, "samovar_calls_audio_lost_seconds", "Sound that was not kept.", Counter::default()),
            removed: add(into, "samovar_calls_removed", "Calls deleted, or over their time.", Counter::default()),
        }
    }

    /// Puts everything on the page, at zero.
    pub(crate) fn know(&self) {
        for loss in CallLoss::ALL {
            drop(self.lost.get_or_create(&LossLabels { reason: loss.name() }));
        }
    }

    pub(crate) fn opened(&self, by: i64) {
        self.open.inc_by(by);
    }

    pub(crate) fn waiting(&self, count: usize) {
        self.waiting.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    pub(crate) fn lost(&self, loss: CallLoss, entries: usize) {
        self.lost.get_or_create(&LossLabels { reason: loss.name() }).inc_by(entries as u64);
    }

    pub(crate) fn audio_lost(&self, seconds: u64) {
        self.audio_lost.inc_by(seconds);
    }

    pub(crate) fn removed(&self, calls: usize) {
        self.removed.inc_by(calls as u64);
    }
}
