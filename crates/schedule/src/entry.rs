//! What a caller says about one piece of work when it enters a queue.

use std::num::NonZeroU16;
use std::time::Duration;

use crate::{Class, Moment};

/// Whose turn it takes: turns are fair between the clients of one class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientKey(pub u64);

/// What it came by, a live stream, a job or a connection: those of one client share its turns evenly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamKey(pub u64);

/// What may share a batch: one generation of one model and one row shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LaneKey(pub u64);

/// The unique number of an admitted entry, in the order of admission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub(crate) u64);

impl Ticket {
    /// The number, for logs.
    pub fn number(self) -> u64 {
        self.0
    }
}

/// How a lane's batches are made up. All entries of one lane carry the same rule; should they differ, the newest holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchRule {
    /// Rows in the largest batch; 0 is read as 1.
    pub size_max: usize,
    /// How long the oldest entry of the lane may be held back for others to join. Zero: a batch closes at once.
    pub delay_max: Duration,
}

impl BatchRule {
    /// Every row alone and at once: best for convolution models on a CPU.
    pub const SINGLE: Self = Self { size_max: 1, delay_max: Duration::ZERO };
}

/// One piece of work, as the queue sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// How urgent it is.
    pub class: Class,
    /// Whose turn it takes.
    pub client: ClientKey,
    /// What it came by.
    pub stream: StreamKey,
    /// What it may share a batch with.
    pub lane: LaneKey,
    /// How batches of that lane are made up.
    pub batch: BatchRule,
    /// The first moment at which it is too late to start.
    pub deadline: Option<Moment>,
    /// The client's share: one of weight 2 gets two turns where one of weight 1 gets one.
    pub weight: NonZeroU16,
    /// The time of one core that it is thought to take. A request or a job takes so much of its client's turns, [`Entry::TURN`]
    /// being one of them, so that ten short texts count no more than one long one. A frame of a live stream is one turn whatever it takes.
    pub cost: Duration,
    /// Whether it goes on with work that has had its turn: it goes before what has not, takes no turn of its own, and neither
    /// displaces nor is displaced. For what comes out of a run in bounded number, such as the persons of one frame.
    pub follow_up: bool,
}

impl Entry {
    /// One turn, in time of a core: what the work costs of which nothing is known yet.
    pub const TURN: Duration = Duration::from_millis(10);
}
