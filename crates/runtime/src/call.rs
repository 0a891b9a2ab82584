//! Who calls: the class of work, the stream it belongs to, and when it is too late.

pub use samovar_schedule::{Class, StreamKey};
use std::time::{Duration, Instant};

/// The terms of one submission.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    /// Which of the three kinds of work this is.
    pub class: Class,
    /// Whose turn it takes: one key per live stream, client or job.
    pub stream: StreamKey,
    /// When the result is worth nothing any more.
    pub deadline: Option<Instant>,
}

impl Call {
    /// A call of `class` for `stream`, without a deadline.
    pub const fn new(class: Class, stream: StreamKey) -> Self {
        Self { class, stream, deadline: None }
    }

    /// The same call, worth nothing after `limit` from now.
    #[must_use]
    pub fn within(mut self, limit: Duration) -> Self {
        self.deadline = Instant::now().checked_add(limit);
        self
    }
}
