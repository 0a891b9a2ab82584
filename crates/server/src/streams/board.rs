//! The board: every stream that is open, WebSocket or source, by its name.
//!
//! Whoever plays a stream holds its [`StreamEntry`]; what a route finds here it holds only while it answers, so that a stream that
//! ends is gone.

use super::entry::{OpenStream, StreamEntry, StreamFacts};
use super::feed::Feed;
use super::{FeedReader, StreamId};
use crate::StreamLimits;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Every stream that is open. Clones are the same board.
#[derive(Clone, Debug)]
pub(crate) struct StreamBoard {
    streams: Arc<Mutex<HashMap<StreamId, Arc<OpenStream>>>>,
    /// The events of all streams.
    events: Arc<Feed>,
    viewers: Arc<Semaphore>,
    readers: Arc<Semaphore>,
}

impl StreamBoard {
    /// An empty board.
    pub(crate) fn new(limits: &StreamLimits) -> Self {
        Self {
            streams: Arc::default(),
            events: Arc::default(),
            viewers: Arc::new(Semaphore::new(limits.viewers_max)),
            readers: Arc::new(Semaphore::new(limits.readers_max)),
        }
    }

    /// One more stream, of that caller (none: of the server itself). It is on the board until what is returned is dropped.
    pub(crate) fn open(&self, facts: StreamFacts, owner: Option<Arc<str>>) -> StreamEntry {
        let stream = Arc::new(OpenStream::new(facts, owner, Arc::clone(&self.events)));
        self.streams.lock().insert(stream.id(), Arc::clone(&stream));
        StreamEntry::new(stream, self.clone())
    }

    /// The stream of that name, while it is open.
    pub(crate) fn find(&self, id: StreamId) -> Option<Arc<OpenStream>> {
        self.streams.lock().get(&id).cloned()
    }

    /// All of them, the oldest first.
    pub(crate) fn list(&self) -> Vec<Arc<OpenStream>> {
        let mut streams: Vec<_> = self.streams.lock().values().cloned().collect();
        streams.sort_by_key(|stream| stream.opened());
        streams
    }

    /// A reader of the events of all streams; with `after`, the kept ones past that number come first.
    pub(crate) fn read(&self, after: Option<u64>) -> FeedReader {
        self.events.read(false, after)
    }

    /// A place for one more viewer, unless there are as many as may be.
    pub(crate) fn viewer_place(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.viewers).try_acquire_owned().ok()
    }

    /// A place for one more reader of events, unless there are as many as may be.
    pub(crate) fn reader_place(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.readers).try_acquire_owned().ok()
    }

    pub(super) fn remove(&self, id: StreamId) {
        self.streams.lock().remove(&id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::streams::{FeedItem, MessageKind, StreamKind, StreamState};
    use axum::extract::ws::Utf8Bytes;
    use std::num::NonZeroU16;

    fn facts(kind: StreamKind) -> StreamFacts {
        StreamFacts { kind, models: vec!["person".into()], source: None, weight: NonZeroU16::MIN }
    }

    #[tokio::test]
    async fn a_stream_is_on_the_board_while_its_entry_lives() {
        let board = StreamBoard::new(&StreamLimits::default());
        let first = board.open(facts(StreamKind::Detect), None);
        let second = board.open(facts(StreamKind::Anomaly), None);
        assert_ne!(first.id(), second.id());
        assert_eq!(board.list().len(), 2);
        let mut reader = board.find(first.id()).unwrap().read(true, None);
        drop(first);
        assert!(reader.next().await.is_none(), "whoever reads is told that it has ended");
        assert_eq!(board.list()[0].id(), second.id());
    }

    #[tokio::test]
    async fn events_reach_the_readers_of_all_streams_and_results_do_not() {
        let board = StreamBoard::new(&StreamLimits::default());
        let (entry, mut all) = (board.open(facts(StreamKind::Anomaly), None), board.read(None));
        let mut own = entry.read(true, None);
        entry.tell(MessageKind::Result, Utf8Bytes::from_static("{}"));
        entry.tell(MessageKind::Event("anomaly.started"), Utf8Bytes::from_static("{\"number\":1}"));
        let Some(FeedItem::Message(told)) = all.next().await else { panic!("an event") };
        assert_eq!((told.number, told.message.text.as_str()), (Some(1), "{\"number\":1}"));
        assert!(matches!(own.next().await, Some(FeedItem::Message(told)) if told.message.kind == MessageKind::Result));
        assert_eq!(entry.meter().figures().events, 1);
    }

    #[test]
    fn what_was_told_to_end_stays_so() {
        let board = StreamBoard::new(&StreamLimits::default());
        let entry = board.open(facts(StreamKind::Detect), None);
        entry.set_state(StreamState::Live);
        board.find(entry.id()).unwrap().close();
        entry.set_state(StreamState::Live);
        assert!(entry.closing().is_cancelled() && entry.state() == StreamState::Closing);
    }
}
