//! Events that wait for one sink: bounded, so that a receiver that is away costs old events and never a stream.

use super::SinkEvent;
use parking_lot::Mutex;
use std::collections::VecDeque;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// Events that wait for one sink, oldest first.
pub(super) struct SinkQueue {
    waiting: Mutex<Waiting>,
    /// Told when an event comes, and when the queue is closed.
    changed: Notify,
    /// Cancelled when the queue is closed.
    closing: CancellationToken,
    max: usize,
}

#[derive(Default)]
struct Waiting {
    events: VecDeque<SinkEvent>,
    closed: bool,
}

impl SinkQueue {
    /// Holds at least one event.
    pub(super) fn new(max: usize) -> Self {
        Self { waiting: Mutex::default(), changed: Notify::new(), closing: CancellationToken::new(), max: max.max(1) }
    }

    /// Adds an event; never waits. Where the queue is full, what goes for it is given back: the oldest update if there is one, else
    /// the oldest event. Where it is closed, the event itself.
    pub(super) fn push(&self, event: SinkEvent) -> Option<SinkEvent> {
        let mut waiting = self.waiting.lock();
        if waiting.closed {
            return Some(event);
        }
        waiting.events.push_back(event);
        let gone = (waiting.events.len() > self.max).then(|| waiting.least()).flatten();
        drop(waiting);
        self.changed.notify_one();
        gone
    }

    /// The oldest event; none once the queue is closed and empty. Safe to cancel. For one reader.
    pub(super) async fn next(&self) -> Option<SinkEvent> {
        loop {
            let changed = self.changed.notified();
            {
                let mut waiting = self.waiting.lock();
                if let Some(event) = waiting.events.pop_front() {
                    return Some(event);
                }
                if waiting.closed {
                    return None;
                }
            }
            changed.await;
        }
    }

    /// Takes no more events; those that wait are still handed out.
    pub(super) fn close(&self) {
        self.waiting.lock().closed = true;
        self.closing.cancel();
        self.changed.notify_one();
    }

    /// Waits until it takes no more events.
    pub(super) async fn closed(&self) {
        self.closing.cancelled().await;
    }

    /// Whether it takes no more events.
    pub(super) fn is_closed(&self) -> bool {
        self.waiting.lock().closed
    }

    /// Takes away everything that waits, and tells how much that was.
    pub(super) fn clear(&self) -> usize {
        std::mem::take(&mut self.waiting.lock().events).len()
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.lock().events.len()
    }
}

impl Waiting {
    fn least(&mut self) -> Option<SinkEvent> {
        let update = self.events.iter().position(SinkEvent::is_replaceable);
        self.events.remove(update.unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use samovar_pipelines::SceneEventKind::{self, AnomalyEnded, AnomalyStarted, AnomalyUpdated};

    fn event(kind: SceneEventKind, body: &str) -> SinkEvent {
        SinkEvent::new("yard".into(), kind, body.into())
    }

    async fn bodies(queue: &SinkQueue) -> Vec<String> {
        queue.close();
        let mut bodies = Vec::new();
        while let Some(event) = queue.next().await {
            bodies.push(event.body.to_string());
        }
        bodies
    }

    #[tokio::test]
    async fn a_full_queue_gives_up_updates_first_and_then_the_oldest() {
        let queue = SinkQueue::new(3);
        for (kind, body) in [(AnomalyStarted, "1"), (AnomalyUpdated, "2"), (AnomalyUpdated, "3")] {
            assert!(queue.push(event(kind, body)).is_none());
        }
        let gone: Vec<_> = [(AnomalyEnded, "4"), (AnomalyStarted, "5"), (AnomalyEnded, "6"), (AnomalyUpdated, "7")]
            .into_iter()
            .map(|(kind, body)| queue.push(event(kind, body)).unwrap().body.to_string())
            .collect();
        assert_eq!(gone, ["2", "3", "1", "7"], "an update goes even where it is the newest");
        assert_eq!(bodies(&queue).await, ["4", "5", "6"]);
    }

    #[tokio::test]
    async fn a_closed_queue_takes_nothing_and_hands_out_the_rest() {
        let queue = SinkQueue::new(3);
        queue.push(event(AnomalyStarted, "1"));
        queue.close();
        assert!(queue.push(event(AnomalyEnded, "2")).is_some());
        assert_eq!(bodies(&queue).await, ["1"]);
        assert_eq!((queue.len(), queue.clear()), (0, 0));
    }
}
