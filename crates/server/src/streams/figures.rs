//! How one stream is doing, as of one moment.

use std::time::Duration;

/// How one stream is doing, as of one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct StreamFigures {
    /// Since it was opened.
    pub(crate) open: Duration,
    /// Frames that came.
    pub(crate) frames_in: u64,
    /// Frames that were looked at.
    pub(crate) results: u64,
    /// Frames that were not, by reason.
    pub(crate) dropped: StreamDrops,
    /// Frames that could not be looked at.
    pub(crate) errors: u64,
    /// Bytes of the frames that came.
    pub(crate) bytes_in: u64,
    /// Bytes of what was told to whoever opened the stream.
    pub(crate) bytes_out: u64,
    /// Frames that came in each second, lately.
    pub(crate) fps_in: f64,
    /// Frames that were looked at in each second, lately.
    pub(crate) fps: f64,
    /// From a frame's arrival to its result; half of the recent ones came within.
    pub(crate) latency_p50: Option<Duration>,
    /// The same for 99 in 100.
    pub(crate) latency_p99: Option<Duration>,
    /// Waiting for a slot, on the average lately.
    pub(crate) queued: Option<Duration>,
    /// The engine's run, on the average lately.
    pub(crate) ran: Option<Duration>,
    /// Events told.
    pub(crate) events: u64,
    /// The newest event's name.
    pub(crate) last_event: Option<&'static str>,
    /// How long ago that was.
    pub(crate) last_event_ago: Option<Duration>,
}

/// Frames that were not looked at.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct StreamDrops {
    /// Newer ones took their place, or they waited too long.
    pub(crate) overloaded: u64,
    /// They came before the models were warm.
    pub(crate) not_ready: u64,
    /// Nothing moved.
    pub(crate) still: u64,
    /// More came than the stream is to look at.
    pub(crate) paced: u64,
}
