//! What becomes of events on their way to sinks. The label is a configured sink's name.

use super::{Counts, Levels, add};
use crate::sinks::SinkLoss;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// What becomes of events on their way to sinks.
pub(crate) struct SinkMetrics {
    delivered: Counts<SinkLabels>,
    failures: Counts<SinkLabels>,
    lost: Counts<LossLabels>,
    waiting: Levels<SinkLabels>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SinkLabels {
    sink: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LossLabels {
    sink: String,
    reason: &'static str,
}

impl SinkMetrics {
    pub(super) fn register(into: &mut Registry) -> Self {
        Self {
            delivered: add(into, "samovar_sink_delivered", "Events that a sink's receiver took.", Family::default()),
            failures: add(into, "samovar_sink_failures", "Tries to reach a receiver that failed.", Family::default()),
            lost: add(into, "samovar_sink_lost", "Events that never reached a sink's receiver.", Family::default()),
            waiting: add(into, "samovar_sink_waiting", "Events that wait for a sink.", Family::default()),
        }
    }

    /// Puts what is counted for this sink on the page, at zero.
    pub(crate) fn know(&self, sink: &str) {
        drop(self.delivered.get_or_create(&SinkLabels::new(sink)));
        drop(self.failures.get_or_create(&SinkLabels::new(sink)));
        SinkLoss::ALL.into_iter().for_each(|loss| self.lost(sink, loss, 0));
        self.waiting(sink, 0);
    }

    pub(crate) fn delivered(&self, sink: &str) {
        self.delivered.get_or_create(&SinkLabels::new(sink)).inc();
    }

    pub(crate) fn failed(&self, sink: &str) {
        self.failures.get_or_create(&SinkLabels::new(sink)).inc();
    }

    pub(crate) fn lost(&self, sink: &str, loss: SinkLoss, count: u64) {
        self.lost.get_or_create(&LossLabels { sink: sink.to_owned(), reason: loss.name() }).inc_by(count);
    }

    pub(crate) fn waiting(&self, sink: &str, count: usize) {
        self.waiting.get_or_create(&SinkLabels::new(sink)).set(i64::try_from(count).unwrap_or(i64::MAX));
    }
}

impl SinkLabels {
    fn new(sink: &str) -> Self {
        Self { sink: sink.to_owned() }
    }
}
