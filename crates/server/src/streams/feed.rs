//! What streams tell, for any number of readers: bounded, with the newest events kept for those who come back.
//!
//! Telling never waits. Events have a channel of their own, so that a reader of events alone is never pushed out by results;
//! a reader who is too slow loses the oldest and is told how many.

use super::StreamKind;
use axum::extract::ws::Utf8Bytes;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::broadcast::{Receiver, Sender};

/// Something that a stream tells.
#[derive(Clone, Debug)]
pub(crate) struct StreamMessage {
    /// What kind of stream tells it.
    pub(crate) stream_kind: StreamKind,
    /// Whose stream tells it; none: the server's own.
    pub(crate) owner: Option<Arc<str>>,
    /// What it is.
    pub(crate) kind: MessageKind,
    /// The JSON object as it went, or would have gone, over the stream's own WebSocket.
    pub(crate) text: Utf8Bytes,
}

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MessageKind {
    /// Something happened, by its name: `anomaly.started`. Kept for readers who come back.
    Event(&'static str),
    /// What was found in one frame.
    Result,
}

/// A message, and its place among the events of its feed.
#[derive(Clone, Debug)]
pub(crate) struct ToldMessage {
    /// From 1; none for results.
    pub(crate) number: Option<u64>,
    pub(crate) message: Arc<StreamMessage>,
}

/// What a reader gets.
#[derive(Clone, Debug)]
pub(crate) enum FeedItem {
    /// The next message.
    Message(ToldMessage),
    /// So many were told before this reader took them.
    Lost(u64),
}

/// The messages of one stream, or of all of them.
#[derive(Debug)]
pub(super) struct Feed {
    /// Held while an event is told and while a reader begins, so that none is missed or told twice in between.
    events: Mutex<Recent>,
    /// Events and results, for readers of both.
    all: Sender<ToldMessage>,
}

#[derive(Debug)]
struct Recent {
    next: u64,
    kept: VecDeque<ToldMessage>,
    live: Sender<ToldMessage>,
}

/// One reader of a feed.
#[derive(Debug)]
pub(crate) struct FeedReader {
    backlog: VecDeque<ToldMessage>,
    live: Receiver<ToldMessage>,
}

/// Events that are kept for readers who come back, and that a reader may be behind.
const EVENTS_KEPT: usize = 64;
/// Messages of both kinds that a reader may be behind: some seconds of a camera.
const MESSAGES_KEPT: usize = 64;

impl Default for Feed {
    fn default() -> Self {
        let recent = Recent { next: 1, kept: VecDeque::new(), live: Sender::new(EVENTS_KEPT) };
        Self { events: Mutex::new(recent), all: Sender::new(MESSAGES_KEPT) }
    }
}

impl Feed {
    /// Tells all readers. Never waits.
    pub(super) fn tell(&self, message: Arc<StreamMessage>) {
        // Nobody listens, or everybody has gone: neither is an error.
        match message.kind {
            MessageKind::Result => drop(self.all.send(ToldMessage { number: None, message })),
            MessageKind::Event(_) => {
                let mut recent = self.events.lock();
                let told = ToldMessage { number: Some(recent.next), message };
                recent.next += 1;
                if recent.kept.len() == EVENTS_KEPT {
                    recent.kept.pop_front();
                }
                recent.kept.push_back(told.clone());
                drop(recent.live.send(told.clone()));
                drop(self.all.send(told));
            }
        }
    }

    /// Whether anybody reads results.
    pub(super) fn is_read(&self) -> bool {
        self.all.receiver_count() > 0
    }

    /// One more reader: of events alone or of results too. With `after`, the kept events past that number come first.
    pub(super) fn read(&self, results: bool, after: Option<u64>) -> FeedReader {
        let recent = self.events.lock();
        let live = if results { self.all.subscribe() } else { recent.live.subscribe() };
        // A number that was never given is of an earlier stream: everything is new to whoever has it.
        let after = after.map(|number| if number < recent.next { number } else { 0 });
        let missed = |told: &&ToldMessage| after.is_some_and(|after| told.number > Some(after));
        FeedReader { backlog: recent.kept.iter().filter(missed).cloned().collect(), live }
    }
}

impl FeedReader {
    /// What comes next; none when the stream has ended. Safe to cancel.
    pub(crate) async fn next(&mut self) -> Option<FeedItem> {
        if let Some(told) = self.backlog.pop_front() {
            return Some(FeedItem::Message(told));
        }
        match self.live.recv().await {
            Ok(told) => Some(FeedItem::Message(told)),
            Err(RecvError::Lagged(count)) => Some(FeedItem::Lost(count)),
            Err(RecvError::Closed) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: MessageKind) -> Arc<StreamMessage> {
        let text = Utf8Bytes::from_static("{}");
        Arc::new(StreamMessage { stream_kind: StreamKind::Anomaly, owner: None, kind, text })
    }

    async fn numbers(reader: &mut FeedReader, count: usize) -> Vec<Option<u64>> {
        let mut numbers = Vec::new();
        for _ in 0..count {
            match reader.next().await {
                Some(FeedItem::Message(told)) => numbers.push(told.number),
                other => panic!("{other:?}"),
            }
        }
        numbers
    }

    #[tokio::test]
    async fn a_reader_who_comes_back_gets_what_was_missed_and_then_what_comes() {
        let feed = Feed::default();
        (0..3).for_each(|_| feed.tell(message(MessageKind::Event("person.appeared"))));
        let mut back = feed.read(false, Some(1));
        let mut new = feed.read(true, None);
        let mut stranger = feed.read(false, Some(99));
        feed.tell(message(MessageKind::Result));
        feed.tell(message(MessageKind::Event("person.left")));
        assert_eq!(numbers(&mut back, 3).await, [Some(2), Some(3), Some(4)], "no results");
        assert_eq!(numbers(&mut new, 2).await, [None, Some(4)]);
        assert_eq!(numbers(&mut stranger, 4).await.len(), 4);
        drop(feed);
        assert!(back.next().await.is_none() && new.next().await.is_none());
    }

    #[tokio::test]
    async fn a_slow_reader_is_told_how_many_it_lost_and_results_push_out_no_events() {
        let feed = Feed::default();
        let (mut events, mut all) = (feed.read(false, None), feed.read(true, None));
        feed.tell(message(MessageKind::Event("anomaly.started")));
        (0..1_000).for_each(|_| feed.tell(message(MessageKind::Result)));
        assert_eq!(numbers(&mut events, 1).await, [Some(1)]);
        let lost = 1_001 - MESSAGES_KEPT as u64;
        assert!(matches!(all.next().await, Some(FeedItem::Lost(count)) if count == lost));
        assert_eq!(numbers(&mut all, MESSAGES_KEPT).await.len(), MESSAGES_KEPT);
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let feed = Feed::default();
        (0..1_000).for_each(|_| feed.tell(message(MessageKind::Event("anomaly.updated"))));
        assert_eq!(feed.read(false, Some(0)).backlog.len(), EVENTS_KEPT);
    }
}
