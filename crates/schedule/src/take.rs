//! What a slot is handed: a batch, or the moment at which to ask again.

use std::time::Duration;

use crate::{Class, Dropped, LaneKey, Moment, StreamKey, Ticket};

/// The answer to [`DeviceQueue::take`](crate::DeviceQueue::take).
#[derive(Debug)]
#[must_use = "holds work that would be lost"]
pub struct Take<T> {
    /// Entries that became too late; their callers want to be told.
    pub expired: Vec<Dropped<T>>,
    /// What the slot does next.
    pub next: Next<T>,
}

/// What a slot does next.
#[derive(Debug)]
pub enum Next<T> {
    /// Run this.
    Batch(Batch<T>),
    /// A batch is being filled: ask again at that moment, or after the next push.
    WaitUntil(Moment),
    /// Nothing waits: ask again after the next push.
    Empty,
}

/// Work for one run.
#[derive(Debug)]
pub struct Batch<T> {
    /// What all the rows have in common.
    pub lane: LaneKey,
    /// The class whose turn it was; rows of others may ride along behind the first.
    pub class: Class,
    /// One to `size_max` rows, in the order in which they were chosen.
    pub items: Vec<Taken<T>>,
}

/// One row of a batch.
#[derive(Debug)]
pub struct Taken<T> {
    /// The entry's number.
    pub ticket: Ticket,
    /// The entry's own class.
    pub class: Class,
    /// Whose it is.
    pub stream: StreamKey,
    /// How long it waited.
    pub waited: Duration,
    /// From when on it is too late to start, should the slot not start at once.
    pub limit: Moment,
    /// What was pushed.
    pub item: T,
}
