//! What one kind of live stream adds to what all of them share: which model is opened, what is done with a message, what is told.

use crate::app::App;
use crate::error::ApiError;
use crate::stream_link::StreamText;
use bytes::Bytes;
use samovar_media::{ImageLimits, Picture};
use samovar_runtime::{ModelHandle, Opened, RunError, RunErrorKind, StreamKey};
use std::future::Future;
use std::time::Duration;

/// A stream that has been asked for: it waits for its model.
pub(crate) trait StreamOpening: Send + Sync + 'static {
    /// The stream that it becomes.
    type Live: LiveStream;

    /// The model that must be warm first.
    fn handle(&self) -> &ModelHandle;

    /// How long the model may take, within the server's limit.
    fn open_time(&self, limit: Duration) -> Duration;

    /// The stream, and its first event, now that the model is warm.
    fn ready(&self, readiness: &Readiness<'_>) -> Result<(Self::Live, StreamText), ApiError>;
}

/// How a stream's model was found.
pub(crate) struct Readiness<'a> {
    pub(crate) opened: &'a Opened,
    /// From the request to now.
    pub(crate) took: Duration,
    pub(crate) key: StreamKey,
    pub(crate) app: &'a App,
}

/// A stream whose model is warm.
pub(crate) trait LiveStream: Send {
    /// Takes a binary message in. Never waits.
    fn push(&mut self, number: u64, bytes: Bytes);

    /// The next event; waits for ever while nothing is on its way. Must be safe to cancel.
    fn next(&mut self) -> impl Future<Output = StreamText> + Send;

    /// Does what a control message asks. An answer that comes at once is given; none where it comes as an event.
    fn control(&mut self, text: &str) -> Result<Option<StreamText>, ApiError>;

    /// Whether the event of every message was told.
    fn is_idle(&self) -> bool;
}

impl Readiness<'_> {
    /// Whether the stream found its model warm.
    pub(crate) const fn is_warm(&self) -> bool {
        matches!(self.opened, Opened::Warm(_))
    }
}

/// A message as a picture; only its header is read.
pub(crate) fn picture(bytes: Bytes, limits: ImageLimits) -> Result<Picture, RunError> {
    Picture::encoded(bytes, limits).map_err(|error| {
        let kind = RunErrorKind::Input { code: error.kind().code() };
        RunError::new(kind, error.to_string())
    })
}
