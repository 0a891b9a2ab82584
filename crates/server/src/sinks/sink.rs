//! One sink as streams see it: a name, what it wants to know, and a queue.

use super::SinkEvent;
use super::queue::SinkQueue;
use crate::Metrics;
use samovar_pipelines::SceneEventKind;
use std::sync::Arc;

/// One sink as streams see it.
pub(crate) struct Sink {
    pub(super) name: String,
    /// What it is told; nothing means everything.
    events: Vec<SceneEventKind>,
    pub(super) queue: SinkQueue,
    metrics: Arc<Metrics>,
}

/// Why an event did not reach its receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum SinkLoss {
    /// Too many waited.
    Overflow,
    /// The receiver does not want it.
    Refused,
    /// The receiver was away or failed for too long.
    Unreachable,
    /// The server ended before.
    Shutdown,
}

impl SinkLoss {
    pub(crate) const ALL: [Self; 4] = [Self::Overflow, Self::Refused, Self::Unreachable, Self::Shutdown];

    /// The word for it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Overflow => "overflow",
            Self::Refused => "refused",
            Self::Unreachable => "unreachable",
            Self::Shutdown => "shutdown",
        }
    }
}

impl Sink {
    pub(super) fn new(name: &str, events: &[SceneEventKind], queue_max: usize, metrics: &Arc<Metrics>) -> Self {
        metrics.sinks.know(name);
        let (name, events, metrics) = (name.to_owned(), events.to_vec(), Arc::clone(metrics));
        Self { name, events, queue: SinkQueue::new(queue_max), metrics }
    }

    /// Takes an event in where it is wanted. Never waits.
    pub(super) fn push(&self, event: SinkEvent) {
        if !self.events.is_empty() && !self.events.contains(&event.kind) {
            return;
        }
        if self.queue.push(event).is_some() {
            let loss = if self.queue.is_closed() { SinkLoss::Shutdown } else { SinkLoss::Overflow };
            self.lost(loss, 1);
        }
        self.show();
    }

    pub(super) fn delivered(&self) {
        self.metrics.sinks.delivered(&self.name);
        self.show();
    }

    /// A try failed; there may be another.
    pub(super) fn failed(&self) {
        self.metrics.sinks.failed(&self.name);
    }

    pub(super) fn lost(&self, loss: SinkLoss, count: usize) {
        self.metrics.sinks.lost(&self.name, loss, count as u64);
        self.show();
    }

    /// Nothing that waits can be delivered any more.
    pub(super) fn abandon(&self, loss: SinkLoss) {
        self.lost(loss, self.queue.clear());
    }

    fn show(&self) {
        self.metrics.sinks.waiting(&self.name, self.queue.len());
    }
}
