//! One open stream: what is known of it, and the place on the board that it holds while it is open.

use super::feed::Feed;
use super::view::View;
use super::{
    FeedReader, MessageKind, Shown, StreamBoard, StreamId, StreamKind, StreamMessage, StreamMeter, StreamState,
    StreamViewer,
};
use axum::extract::ws::Utf8Bytes;
use parking_lot::Mutex;
use samovar_media::Picture;
use std::num::NonZeroU16;
use std::ops::Deref;
use std::sync::Arc;
use std::time::SystemTime;
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;

/// What is known of a stream from its beginning.
#[derive(Clone, Debug)]
pub(crate) struct StreamFacts {
    /// What its frames are looked at for.
    pub(crate) kind: StreamKind,
    /// The configured names of its models, the first one first.
    pub(crate) models: Vec<String>,
    /// The source that it comes from; none where a client sends it.
    pub(crate) source: Option<Arc<str>>,
    /// Its share among live streams.
    pub(crate) weight: NonZeroU16,
}

/// One open stream, as everybody sees it.
#[derive(Debug)]
pub(crate) struct OpenStream {
    id: StreamId,
    facts: StreamFacts,
    owner: Option<Arc<str>>,
    opened: SystemTime,
    state: Mutex<StreamState>,
    meter: StreamMeter,
    feed: Feed,
    /// The board's own, which every event goes to as well.
    events_of_all: Arc<Feed>,
    view: View,
    closing: CancellationToken,
}

/// The place of an open stream on the board; whoever plays the stream holds it. Dropped, the stream is gone: readers and viewers end.
#[derive(Debug)]
pub(crate) struct StreamEntry {
    stream: Arc<OpenStream>,
    board: StreamBoard,
}

impl OpenStream {
    pub(super) fn new(facts: StreamFacts, owner: Option<Arc<str>>, events_of_all: Arc<Feed>) -> Self {
        Self {
            id: StreamId::new(),
            facts,
            owner,
            opened: SystemTime::now(),
            state: Mutex::new(StreamState::Opening),
            meter: StreamMeter::default(),
            feed: Feed::default(),
            events_of_all,
            view: View::default(),
            closing: CancellationToken::new(),
        }
    }

    /// Its name.
    pub(crate) const fn id(&self) -> StreamId {
        self.id
    }

    /// What is known of it from its beginning.
    pub(crate) const fn facts(&self) -> &StreamFacts {
        &self.facts
    }

    /// Whose it is; none: the server's own, as those of sources are.
    pub(crate) fn owner(&self) -> Option<&str> {
        self.owner.as_deref()
    }

    /// When it was opened, by the wall clock.
    pub(crate) const fn opened(&self) -> SystemTime {
        self.opened
    }

    /// How it is doing.
    pub(crate) const fn meter(&self) -> &StreamMeter {
        &self.meter
    }

    /// Where it is in its life.
    pub(crate) fn state(&self) -> StreamState {
        *self.state.lock()
    }

    /// Tells where it is in its life; what was told to end stays so.
    pub(crate) fn set_state(&self, state: StreamState) {
        let mut present = self.state.lock();
        if *present != StreamState::Closing {
            *present = state;
        }
    }

    /// Tells readers something: events go also to the readers of all streams, results only to whoever asked for them.
    pub(crate) fn tell(&self, kind: MessageKind, text: Utf8Bytes) {
        if kind == MessageKind::Result && !self.feed.is_read() {
            return;
        }
        let message = Arc::new(StreamMessage { stream_kind: self.facts.kind, owner: self.owner.clone(), kind, text });
        if let MessageKind::Event(name) = kind {
            self.meter.event(name);
            self.events_of_all.tell(Arc::clone(&message));
        }
        self.feed.tell(message);
    }

    /// Whether anybody looks at pictures: ask before keeping some.
    pub(crate) fn is_viewed(&self) -> bool {
        self.view.is_watched()
    }

    /// Whether a result would reach anybody, as a message or beside its picture: ask before making what nobody wants.
    pub(crate) fn is_watched(&self) -> bool {
        self.is_viewed() || self.feed.is_read()
    }

    /// Shows a picture, with the result about this very picture, to whoever looks.
    pub(crate) fn show(&self, picture: &Picture, result: &Utf8Bytes) {
        self.view.show(|| Shown { picture: picture.clone(), result: result.clone() });
    }

    /// One more reader: of events alone or of results too; with `after`, the kept events past that number come first.
    pub(crate) fn read(&self, results: bool, after: Option<u64>) -> FeedReader {
        self.feed.read(results, after)
    }

    /// One more viewer, who holds a place of [`StreamBoard::viewer_place`].
    pub(crate) fn look(&self, place: OwnedSemaphorePermit) -> StreamViewer {
        self.view.look(place)
    }

    /// Tells whoever plays it to end it.
    pub(crate) fn close(&self) {
        *self.state.lock() = StreamState::Closing;
        self.closing.cancel();
    }

    /// Cancelled when the stream is to end.
    pub(crate) const fn closing(&self) -> &CancellationToken {
        &self.closing
    }
}

impl StreamEntry {
    pub(super) const fn new(stream: Arc<OpenStream>, board: StreamBoard) -> Self {
        Self { stream, board }
    }

    /// What everybody sees of it. Whoever keeps this beyond the entry keeps readers and viewers waiting.
    pub(crate) const fn shared(&self) -> &Arc<OpenStream> {
        &self.stream
    }
}

impl Deref for StreamEntry {
    type Target = OpenStream;

    fn deref(&self) -> &OpenStream {
        &self.stream
    }
}

impl Drop for StreamEntry {
    fn drop(&mut self) {
        self.board.remove(self.stream.id);
    }
}
