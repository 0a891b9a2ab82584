//! The queue of jobs as everybody sees it, wherever it is kept.

use crate::{
    Attempted, Enqueued, Job, JobCounts, JobError, JobFailure, JobFilter, JobId, JobProgress, JobTime, Lease, LeaseKey,
    Renewed, Submission, Swept,
};
use std::future::Future;
use std::pin::Pin;
use tokio::sync::watch;

/// An answer of the queue on its way.
pub type JobFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, JobError>> + Send + 'a>>;

/// A durable queue. Whatever it answers with success is committed; after an error nothing has changed.
///
/// Safe to use from many tasks, and where the store allows it from many processes.
pub trait JobQueue: Send + Sync {
    /// Accepts a job.
    ///
    /// # Errors
    /// `QueueFull`, `Conflict`, `StorageFull`, `Storage`.
    fn enqueue(&self, submission: Submission, now: JobTime) -> JobFuture<'_, Enqueued>;

    /// Whether a job of that owner would be let in now, so that nobody sends a video in vain. A key that is known is always let in: its job
    /// is there already. What counts is what [`enqueue`](Self::enqueue) says.
    ///
    /// # Errors
    /// `QueueFull`, `Storage`.
    fn admits(&self, owner: &str, idempotency_key: Option<&str>) -> JobFuture<'_, ()>;

    /// Takes the job that is next: highest priority, then fair turns between owners, then the oldest. None where none may begin.
    ///
    /// # Errors
    /// `Storage`, `StorageFull`.
    fn claim(&self, worker: &str, now: JobTime) -> JobFuture<'_, Option<Lease>>;

    /// Shows life, tells the progress, and hears whether the job is to be ended.
    ///
    /// # Errors
    /// `LeaseLost` where another holds the job now.
    fn renew(&self, lease: LeaseKey, progress: JobProgress, now: JobTime) -> JobFuture<'_, Renewed>;

    /// Records the result: exactly once for each job.
    ///
    /// # Errors
    /// `LeaseLost`: nothing is recorded.
    fn complete(&self, lease: LeaseKey, result: String, now: JobTime) -> JobFuture<'_, ()>;

    /// Tells that the attempt failed: the job waits for the next, or is given up.
    ///
    /// # Errors
    /// `LeaseLost`.
    fn fail(&self, lease: LeaseKey, failure: JobFailure, attempted: Attempted, now: JobTime) -> JobFuture<'_, Job>;

    /// Gives a job back that this worker may not finish, as when it is told to end: the attempt does not count.
    ///
    /// # Errors
    /// `LeaseLost`.
    fn give_back(&self, lease: LeaseKey, now: JobTime) -> JobFuture<'_, ()>;

    /// Tells that a job was ended because somebody asked for it.
    ///
    /// # Errors
    /// `LeaseLost`.
    fn cancelled(&self, lease: LeaseKey, now: JobTime) -> JobFuture<'_, ()>;

    /// Asks for a job's end: one that waits is cancelled at once, one that runs when its worker hears of it. Cancelled twice is cancelled.
    ///
    /// # Errors
    /// `Unknown`; `State` where it has come to another end.
    fn cancel(&self, id: JobId, now: JobTime) -> JobFuture<'_, Job>;

    /// Lets a job that was given up or cancelled wait again, with all its attempts.
    ///
    /// # Errors
    /// `Unknown`; `State` where it is neither; `QueueFull`.
    fn retry(&self, id: JobId, now: JobTime) -> JobFuture<'_, Job>;

    /// Forgets a job that has come to its end.
    ///
    /// # Errors
    /// `Unknown`; `State` where it waits or runs.
    fn delete(&self, id: JobId) -> JobFuture<'_, ()>;

    /// One job.
    ///
    /// # Errors
    /// `Unknown`.
    fn get(&self, id: JobId) -> JobFuture<'_, Job>;

    /// Jobs, the newest first.
    ///
    /// # Errors
    /// `Storage`.
    fn list(&self, filter: JobFilter) -> JobFuture<'_, Vec<Job>>;

    /// Jobs that have changed since that revision, in the order of their last change, at most `limit`.
    ///
    /// # Errors
    /// `Storage`.
    fn changes(&self, after: u64, limit: usize) -> JobFuture<'_, Vec<Job>>;

    /// How many there are.
    ///
    /// # Errors
    /// `Storage`.
    fn counts(&self, now: JobTime) -> JobFuture<'_, JobCounts>;

    /// Takes back leases that have ended, and forgets what is too old. To be called every few seconds by one or by many.
    ///
    /// # Errors
    /// `Storage`.
    fn sweep(&self, now: JobTime) -> JobFuture<'_, Swept>;

    /// Is raised when something has changed in this process, so that an idle worker or a listener looks at once. What other processes
    /// change may go unheard: everybody also looks now and then.
    fn wakes(&self) -> watch::Receiver<u64>;
}
