//! What one kind of live stream adds to what all of them share: which model is opened, what is done with a message, what is told.

use crate::StreamLimits;
use crate::app::App;
use crate::error::{ApiError, Refusal};
use crate::finish_time::FinishTime;
use crate::stream_link::StreamText;
use crate::streams::{OpenStream, StreamFacts};
use crate::wire::StreamNotice;
use bytes::Bytes;
use samovar_media::{ImageLimits, Picture};
use samovar_runtime::{Generation, ModelHandle, Opened, RunError, RunErrorKind, StreamKey};
use serde::{Deserialize, Serialize};
use std::future::Future;
use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::Duration;
use utoipa::ToSchema;

/// A stream that has been asked for: it waits for its model.
pub(crate) trait StreamOpening: Send + Sync + 'static {
    /// The stream that it becomes.
    type Live: LiveStream;

    /// What the board tells of it.
    fn facts(&self) -> StreamFacts;

    /// The models that must be warm first, the one that looks at the frames first. None: the stream begins at once, and looks after its
    /// models itself.
    fn handles(&self) -> Vec<&ModelHandle>;

    /// How long the models may take, within the server's limit.
    fn open_time(&self, limit: Duration) -> Duration;

    /// The stream, and its first event, now that the models are warm.
    fn ready(&self, readiness: &Readiness<'_>) -> Result<(Self::Live, StreamText), ApiError>;
}

/// How a stream's models were found.
pub(crate) struct Readiness<'a> {
    /// In the order of [`StreamOpening::handles`].
    pub(crate) opened: &'a [Opened],
    /// From the request to now.
    pub(crate) took: Duration,
    pub(crate) key: StreamKey,
    pub(crate) app: &'a App,
    /// Its place on the board.
    pub(crate) stream: &'a Arc<OpenStream>,
}

/// A stream whose model is warm.
pub(crate) trait LiveStream: Send {
    /// Takes a binary message in. Never waits.
    fn push(&mut self, number: u64, bytes: Bytes);

    /// The next event; waits for ever while nothing is on its way. Must be safe to cancel.
    fn next(&mut self) -> impl Future<Output = StreamText> + Send;

    /// The longest text message that it takes.
    fn text_bytes_max(limits: &StreamLimits) -> usize {
        limits.control_bytes_max
    }

    /// Does what a control message asks. An answer that comes at once is given; none where it comes as an event.
    fn control(&mut self, text: &str) -> Result<Option<StreamText>, ApiError>;

    /// Whether the event of every message was told.
    fn is_idle(&self) -> bool;

    /// Whether the last event was told: the server closes.
    fn is_over(&self) -> bool {
        false
    }

    /// Whether messages are to be read at the moment; while not, the client waits as if the network were slow.
    fn takes_in(&self) -> bool {
        true
    }

    /// No further messages are taken in: the rest is told, and then nothing.
    fn finish(&mut self) {}

    /// How long its end may take.
    fn finish_time(&self) -> FinishTime {
        FinishTime::FRAMES
    }

    /// Another number whenever work on what was taken in has come forward.
    fn progress(&self) -> u64 {
        0
    }

    /// The client has gone, orderly or not. Whether what it sent is still to be worked through, although it will not hear of it.
    fn parted(&mut self, _orderly: bool) -> bool {
        false
    }

    /// The stream is over: what is still to be told of what went on until now.
    fn end(&mut self) -> Vec<StreamText> {
        Vec::new()
    }

    /// An error about the stream or a control message, as its clients expect it.
    fn problem(error: &ApiError) -> StreamText {
        StreamNotice::Error(error.stream_problem(None)).text()
    }
}

impl Readiness<'_> {
    /// Whether the stream found all its models warm.
    pub(crate) fn is_warm(&self) -> bool {
        self.opened.iter().all(|opened| matches!(opened, Opened::Warm(_)))
    }

    /// The copy of the first model that serves.
    pub(crate) fn generation(&self) -> &Arc<Generation> {
        self.opened[0].generation()
    }
}

/// What the binary messages of a stream are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum FrameFormat {
    /// Each is one JPEG, PNG or WebP picture.
    #[default]
    Pictures,
    /// Each is one access unit of H.264 in Annex B form: one picture, with its start codes.
    H264,
}

/// Refuses options of streams for a single picture.
pub(crate) fn single(fits: bool) -> Result<(), ApiError> {
    let error = || ApiError::new(Refusal::Query, "`weight` and `format` are for streams");
    fits.then_some(()).ok_or_else(error)
}

/// The share that a stream asks for: 1 where it asks for none.
pub(crate) fn weight(asked: Option<u16>) -> Result<NonZeroU16, ApiError> {
    const WEIGHT_MAX: u16 = 100;
    let weight = NonZeroU16::new(asked.unwrap_or(1)).filter(|weight| weight.get() <= WEIGHT_MAX);
    weight.ok_or_else(|| ApiError::new(Refusal::Option, "`weight` must be from 1 to 100"))
}

/// A message as a picture; only its header is read.
pub(crate) fn picture(bytes: Bytes, limits: ImageLimits) -> Result<Picture, RunError> {
    Picture::encoded(bytes, limits).map_err(|error| {
        let kind = RunErrorKind::Input { code: error.kind().code() };
        RunError::new(kind, error.to_string())
    })
}
