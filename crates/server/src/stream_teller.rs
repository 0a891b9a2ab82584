//! What is done with the fate of every frame besides telling it to whoever sent it: it is counted, told to readers, and shown with its
//! picture to whoever looks.
//!
//! One for each stream, WebSocket or source. Where nobody looks no picture is kept.

use crate::stream_link::StreamText;
use crate::streams::{DropReason, MessageKind, OpenStream};
use crate::wire::StreamNotice;
use samovar_media::Picture;
use samovar_runtime::{RunError, Timings};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// Counts, tells and shows what becomes of the frames of one stream.
pub(crate) struct StreamTeller {
    stream: Arc<OpenStream>,
    /// Pictures whose result is still to come, kept while somebody looks. Bounded by [`PICTURES_MAX`].
    pictures: VecDeque<(u64, Picture)>,
}

/// As many frames as a stream has on their way at most.
const PICTURES_MAX: usize = 40;

impl StreamTeller {
    /// For that stream.
    pub(crate) const fn new(stream: Arc<OpenStream>) -> Self {
        Self { stream, pictures: VecDeque::new() }
    }

    /// The stream that it tells of.
    pub(crate) const fn stream(&self) -> &Arc<OpenStream> {
        &self.stream
    }

    /// A picture goes in whose result will not bring it back: it is remembered if somebody looks.
    pub(crate) fn coming(&mut self, frame: u64, picture: &Picture) {
        if !self.stream.is_viewed() {
            return self.pictures.clear();
        }
        if self.pictures.len() == PICTURES_MAX {
            self.pictures.pop_front();
        }
        self.pictures.push_back((frame, picture.clone()));
    }

    /// A frame was looked at, and this is its result.
    pub(crate) fn answered(&mut self, frame: u64, (latency, timings): (Duration, &Timings), text: &StreamText) {
        let picture = self.picture(frame);
        self.answered_about(picture.as_ref(), (latency, timings), text);
    }

    /// The same of a frame whose picture is at hand.
    pub(crate) fn answered_about(
        &self,
        picture: Option<&Picture>,
        (latency, timings): (Duration, &Timings),
        text: &StreamText,
    ) {
        self.stream.meter().answered(latency, timings);
        self.stream.tell(MessageKind::Result, text.text().clone());
        if let Some(picture) = picture {
            self.stream.show(picture, text.text());
        }
    }

    /// Something happened: `name` is its kind, `anomaly.started`.
    pub(crate) fn happened(&self, name: &'static str, text: &StreamText) {
        self.stream.tell(MessageKind::Event(name), text.text().clone());
    }

    /// Frames were not looked at, because newer ones took their place.
    pub(crate) fn dropped(&self, frame: u64, count: u64) -> StreamText {
        self.stream.meter().dropped(DropReason::Overloaded, count);
        StreamNotice::overloaded(frame, count).text()
    }

    /// A frame could not be looked at.
    pub(crate) fn failed(&self, frame: u64, error: RunError) -> StreamText {
        self.stream.meter().failed();
        StreamNotice::failed(frame, error).text()
    }

    /// The picture of that frame; those before it are of no use any more.
    fn picture(&mut self, frame: u64) -> Option<Picture> {
        while let Some((number, picture)) = self.pictures.pop_front_if(|(number, _)| *number <= frame) {
            if number == frame {
                return Some(picture);
            }
        }
        None
    }
}
