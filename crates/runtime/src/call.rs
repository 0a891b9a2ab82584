//! Who calls: the class of work, the stream it belongs to, and when it is too late.

pub use samovar_schedule::{Class, ClientKey, StreamKey};
use std::num::NonZeroU16;
use std::time::{Duration, Instant};

/// The terms of one submission.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    /// Which of the three kinds of work this is.
    pub class: Class,
    /// Whose turn it takes: one key per live stream, client or job.
    pub client: ClientKey,
    /// What it came by: the connections of one client share its turns.
    pub stream: StreamKey,
    /// When the result is worth nothing any more.
    pub deadline: Option<Instant>,
    /// The client's share: one of weight 2 gets two turns where one of weight 1 gets one.
    pub weight: NonZeroU16,
    /// Whether it goes on with what a run before gave, and so goes before what waits for its first: see
    /// [`Entry::follow_up`](samovar_schedule::Entry::follow_up).
    pub follow_up: bool,
}

impl Call {
    /// A call of `class` for `stream`, which is a client of its own, without a deadline.
    pub const fn new(class: Class, stream: StreamKey) -> Self {
        let client = ClientKey(stream.0);
        Self { class, client, stream, deadline: None, weight: NonZeroU16::MIN, follow_up: false }
    }

    /// The same call of a stream that shares its turns with the others of this client. Live streams have turns of their own.
    #[must_use]
    pub const fn of_client(mut self, client: ClientKey) -> Self {
        self.client = client;
        self
    }

    /// The same call of a stream with this share.
    #[must_use]
    pub const fn weighing(mut self, weight: NonZeroU16) -> Self {
        self.weight = weight;
        self
    }

    /// The same call, going on with what a run before gave.
    #[must_use]
    pub const fn following_up(mut self) -> Self {
        self.follow_up = true;
        self
    }

    /// The same call, worth nothing after `limit` from now.
    #[must_use]
    pub fn within(mut self, limit: Duration) -> Self {
        self.deadline = Instant::now().checked_add(limit);
        self
    }
}
