//! A write on its way to the leader, and its answer on the way back.

use super::fault::{busy, failed};
use crate::{JobError, JobErrorKind};
use rusqlite::Connection;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

/// A write that can be run, and run again where its group was rolled back.
pub trait Request: Send {
    /// Runs it inside a transaction. An error means that the whole transaction is to be rolled back: the store failed.
    fn run(&mut self, connection: &Connection) -> Result<(), JobError>;

    /// Tells whoever asked: what was found, or why the commit failed.
    fn answer(self: Box<Self>, committed: Result<(), JobError>);

    /// Whether nobody waits for it any more, or it has waited too long: it is not begun then.
    fn is_over(&self) -> bool;
}

/// A write whose answer is a `T`.
pub struct Asked<T, F> {
    /// Does it.
    pub work: F,
    /// What it found, once it has run.
    pub found: Option<Result<T, JobError>>,
    /// Who asked.
    pub reply: oneshot::Sender<Result<T, JobError>>,
    /// Not begun after this.
    pub until: Instant,
    /// Its place among those that may wait; freed with the answer.
    pub place: OwnedSemaphorePermit,
}

impl<T, F> Request for Asked<T, F>
where
    T: Send,
    F: FnMut(&Connection) -> Result<T, JobError> + Send,
{
    fn run(&mut self, connection: &Connection) -> Result<(), JobError> {
        let work = &mut self.work;
        let found = catch_unwind(AssertUnwindSafe(|| work(connection))).unwrap_or_else(|_| Err(failed()));
        let broken = found.as_ref().err().filter(|error| is_of_the_store(error)).cloned();
        self.found = Some(found);
        broken.map_or(Ok(()), Err)
    }

    fn answer(self: Box<Self>, committed: Result<(), JobError>) {
        let Self { found, reply, place, .. } = *self;
        drop(place);
        // Who asked may have gone.
        drop(reply.send(committed.and_then(|()| found.unwrap_or_else(|| Err(busy())))));
    }

    fn is_over(&self) -> bool {
        self.reply.is_closed() || Instant::now() >= self.until
    }
}

/// Whether the database failed, rather than a rule of the queue said no (which every rule does before it changes anything).
fn is_of_the_store(error: &JobError) -> bool {
    matches!(error.kind(), JobErrorKind::Storage | JobErrorKind::StorageFull | JobErrorKind::Corrupt)
}
