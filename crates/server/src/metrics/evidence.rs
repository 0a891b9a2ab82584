//! What is kept of anomalies, and what could not be.

use super::{Counts, add};
use crate::evidence::{EvidenceLoss, EvidencePart};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// What is kept of anomalies, and what could not be.
pub(crate) struct EvidenceMetrics {
    written: Counts<PartLabels>,
    lost: Counts<LossLabels>,
    removed: Counter,
    held: Gauge,
    held_bytes: Gauge,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PartLabels {
    part: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LossLabels {
    reason: &'static str,
}

impl EvidenceMetrics {
    pub(super) fn register(into: &mut Registry) -> Self {
        Self {
            written: add(into, "samovar_evidence_written", "Pictures and clips of anomalies.", Family::default()),
            lost: add(into, "samovar_evidence_lost", "Pictures and clips that were not kept.", Family::default()),
            removed: add(into, "samovar_evidence_removed", "Evidence over the limits.", Counter::default()),
            held: add(into, "samovar_evidence_held", "Anomalies with evidence.", Gauge::default()),
            held_bytes: add(into, "samovar_evidence_held_bytes", "Bytes of all evidence.", Gauge::default()),
        }
    }

    /// Puts everything on the page, at zero.
    pub(crate) fn know(&self) {
        for part in [EvidencePart::Snapshot, EvidencePart::Clip] {
            drop(self.written.get_or_create(&PartLabels { part: part.name() }));
        }
        for loss in EvidenceLoss::ALL {
            drop(self.lost.get_or_create(&LossLabels { reason: loss.name() }));
        }
    }

    pub(crate) fn written(&self, part: EvidencePart) {
        self.written.get_or_create(&PartLabels { part: part.name() }).inc();
    }

    pub(crate) fn lost(&self, loss: EvidenceLoss) {
        self.lost.get_or_create(&LossLabels { reason: loss.name() }).inc();
    }

    pub(crate) fn removed(&self) {
        self.removed.inc();
    }

    pub(crate) fn held(&self, count: usize, bytes: u64) {
        self.held.set(i64::try_from(count).unwrap_or(i64::MAX));
        self.held_bytes.set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }
}
