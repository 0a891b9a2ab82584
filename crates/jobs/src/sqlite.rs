//! The queue in one SQLite file beside the server.

use crate::{
    Attempted, Enqueued, Job, JobCounts, JobError, JobErrorKind, JobFailure, JobFilter, JobFuture, JobId, JobPolicy,
    JobProgress, JobQueue, JobTime, Lease, LeaseKey, Renewed, Submission, Swept,
};
use std::path::Path;

/// A queue in one SQLite file: WAL, `synchronous=FULL`. Several processes may use the same file on one machine.
#[derive(Debug)]
pub struct SqliteQueue {
    policy: JobPolicy,
}

impl SqliteQueue {
    /// Opens the file; makes it where there is none. Blocks for as long as another process makes it.
    ///
    /// # Errors
    /// `Corrupt` for a file that is damaged or of another kind or version; `Storage`, `StorageFull`.
    pub fn open(file: &Path, policy: JobPolicy) -> Result<Self, JobError> {
        let _ = file;
        Ok(Self { policy })
    }
}

fn later<T>(queue: &SqliteQueue) -> JobFuture<'_, T> {
    let _ = &queue.policy;
    Box::pin(async { Err(JobError::new(JobErrorKind::Storage, "the queue cannot be used yet")) })
}

impl JobQueue for SqliteQueue {
    fn enqueue(&self, _: Submission, _: JobTime) -> JobFuture<'_, Enqueued> {
        later(self)
    }
    fn claim(&self, _: &str, _: JobTime) -> JobFuture<'_, Option<Lease>> {
        later(self)
    }
    fn renew(&self, _: LeaseKey, _: JobProgress, _: JobTime) -> JobFuture<'_, Renewed> {
        later(self)
    }
    fn complete(&self, _: LeaseKey, _: String, _: JobTime) -> JobFuture<'_, ()> {
        later(self)
    }
    fn fail(&self, _: LeaseKey, _: JobFailure, _: Attempted, _: JobTime) -> JobFuture<'_, Job> {
        later(self)
    }
    fn give_back(&self, _: LeaseKey, _: JobTime) -> JobFuture<'_, ()> {
        later(self)
    }
    fn cancelled(&self, _: LeaseKey, _: JobTime) -> JobFuture<'_, ()> {
        later(self)
    }
    fn cancel(&self, _: JobId, _: JobTime) -> JobFuture<'_, Job> {
        later(self)
    }
    fn retry(&self, _: JobId, _: JobTime) -> JobFuture<'_, Job> {
        later(self)
    }
    fn delete(&self, _: JobId) -> JobFuture<'_, ()> {
        later(self)
    }
    fn get(&self, _: JobId) -> JobFuture<'_, Job> {
        later(self)
    }
    fn list(&self, _: JobFilter) -> JobFuture<'_, Vec<Job>> {
        later(self)
    }
    fn changes(&self, _: u64, _: usize) -> JobFuture<'_, Vec<Job>> {
        later(self)
    }
    fn counts(&self, _: JobTime) -> JobFuture<'_, JobCounts> {
        later(self)
    }
    fn sweep(&self, _: JobTime) -> JobFuture<'_, Swept> {
        later(self)
    }
}
