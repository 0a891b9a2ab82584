//! What the page at `/demo` shows: of each stream the newest picture with the event about that very picture.
//!
//! Whoever plays the streams publishes; viewers look at what is newest when they have taken the last. Publishing never
//! waits, and a viewer that is slow costs nothing but its own pictures.

use bytes::Bytes;
use serde::Serialize;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// The newest picture of every stream of a demo. Clones show the same.
#[derive(Clone, Debug)]
pub struct DemoView {
    newest: watch::Sender<Vec<Published>>,
    viewers: Arc<Semaphore>,
}

/// One picture of one stream, and what was found in it.
#[derive(Clone, Debug)]
pub struct DemoFrame {
    /// The picture as it was sent to the server: JPEG, PNG or WebP.
    pub picture: Bytes,
    /// The stream's event about this picture, a JSON object as the server told it.
    pub event: serde_json::Value,
    /// How the stream is doing.
    pub figures: DemoFigures,
}

/// How a stream is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct DemoFigures {
    /// Results in each second, lately.
    pub results_per_s: f64,
    /// From sending a picture to its result; half of all results came within.
    pub p50_ms: f64,
    /// The same for 99 in 100.
    pub p99_ms: f64,
    /// Frames that newer ones took the place of.
    pub dropped: u64,
}

/// What a stream shows, and how often it has shown something.
#[derive(Clone, Debug, Default)]
struct Published {
    count: u64,
    frame: Option<Arc<DemoFrame>>,
}

/// Pages that may look at the same time: each takes all pictures over its own connection.
const VIEWERS_MAX: usize = 8;

impl DemoView {
    /// A view of so many streams, none of which shows anything yet.
    pub fn new(streams: usize) -> Self {
        let newest = watch::Sender::new(vec![Published::default(); streams]);
        Self { newest, viewers: Arc::new(Semaphore::new(VIEWERS_MAX)) }
    }

    /// Shows a picture of a stream, counted from 0, in place of its last one. Never waits.
    pub fn publish(&self, stream: usize, frame: DemoFrame) {
        self.newest.send_if_modified(|streams| {
            let Some(published) = streams.get_mut(stream) else { return false };
            published.count += 1;
            published.frame = Some(Arc::new(frame));
            true
        });
    }

    /// One more viewer, unless there are as many as may be.
    pub(crate) fn look(&self) -> Option<DemoViewer> {
        let place = Arc::clone(&self.viewers).try_acquire_owned().ok()?;
        let seen = vec![0; self.newest.borrow().len()];
        let mut newest = self.newest.subscribe();
        // What is there already is new to this viewer.
        newest.mark_changed();
        Some(DemoViewer { newest, seen, _place: place })
    }
}

/// One page that looks.
pub(crate) struct DemoViewer {
    newest: watch::Receiver<Vec<Published>>,
    /// How often each stream had shown something when this viewer last looked.
    seen: Vec<u64>,
    _place: OwnedSemaphorePermit,
}

impl DemoViewer {
    /// Waits for something new and gives the newest picture of every stream that has one; none when the demo has ended.
    /// Safe to cancel.
    pub(crate) async fn next(&mut self) -> Option<Vec<(usize, Arc<DemoFrame>)>> {
        self.newest.changed().await.ok()?;
        let streams = self.newest.borrow_and_update();
        let mut fresh = Vec::new();
        for (stream, (published, seen)) in streams.iter().zip(&mut self.seen).enumerate() {
            if let Some(frame) = published.frame.as_ref().filter(|_| published.count > *seen) {
                *seen = published.count;
                fresh.push((stream, Arc::clone(frame)));
            }
        }
        Some(fresh)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(number: u64) -> DemoFrame {
        let event = serde_json::json!({ "frame": number });
        DemoFrame { picture: Bytes::new(), event, figures: DemoFigures::default() }
    }

    fn numbers(shown: &[(usize, Arc<DemoFrame>)]) -> Vec<(usize, u64)> {
        shown.iter().map(|(stream, frame)| (*stream, frame.event["frame"].as_u64().unwrap())).collect()
    }

    #[tokio::test]
    async fn a_viewer_sees_the_newest_and_nothing_twice() {
        let view = DemoView::new(2);
        view.publish(0, frame(1));
        let mut viewer = view.look().unwrap();
        assert_eq!(numbers(&viewer.next().await.unwrap()), [(0, 1)], "what was there before it came");
        for number in 2..1_000 {
            view.publish(0, frame(number));
        }
        view.publish(1, frame(7));
        view.publish(2, frame(8));
        assert_eq!(numbers(&viewer.next().await.unwrap()), [(0, 999), (1, 7)]);
        drop(view);
        assert!(viewer.next().await.is_none(), "the demo has ended");
    }

    #[test]
    fn viewers_are_limited_and_places_come_back() {
        let view = DemoView::new(1);
        let mut viewers: Vec<_> = (0..VIEWERS_MAX).map(|_| view.look().unwrap()).collect();
        assert!(view.look().is_none());
        viewers.pop();
        assert!(view.look().is_some());
    }
}
