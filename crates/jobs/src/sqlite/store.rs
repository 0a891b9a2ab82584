//! The queue in one SQLite file, as everybody uses it.

use super::checkpoints::Checkpoints;
use super::readers::Readers;
use super::writer::Writer;
use super::{SqliteLimits, asked, claim, enqueue, open, read, row, settle, sweep};
use crate::{
    Attempted, Enqueued, Job, JobCounts, JobError, JobFailure, JobFilter, JobFuture, JobId, JobPolicy, JobProgress,
    JobQueue, JobTime, Lease, LeaseKey, Renewed, Submission, Swept,
};
use rusqlite::Connection;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::watch;

/// A queue in one SQLite file: WAL, `synchronous=FULL`. Several processes may use the same file on one machine.
///
/// To be used within a tokio runtime: what blocks runs on its blocking pool, one write and two reads at a time.
#[derive(Clone)]
pub struct SqliteQueue {
    policy: Arc<JobPolicy>,
    writer: Writer,
    readers: Readers,
}

impl SqliteQueue {
    /// Opens the file; makes it where there is none. Blocks for as long as another process makes it.
    ///
    /// # Errors
    /// `Corrupt` for a file that is damaged or of another kind or version; `Storage`, `StorageFull`.
    pub fn open(file: &Path, policy: JobPolicy) -> Result<Self, JobError> {
        Self::open_with(file, policy, SqliteLimits::default())
    }

    /// The same with limits of its own.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_with(file: &Path, policy: JobPolicy, limits: SqliteLimits) -> Result<Self, JobError> {
        let connection = open::writer(file, limits)?;
        let checkpoints = Checkpoints::new(open::checkpointer(file, limits)?);
        let writer = Writer::new(connection, checkpoints, limits.busy_max);
        Ok(Self { policy: Arc::new(policy), writer, readers: Readers::open(file, limits)? })
    }

    fn write<T, F>(&self, mut work: F) -> JobFuture<'_, T>
    where
        T: Send + 'static,
        F: FnMut(&Connection, &JobPolicy) -> Result<T, JobError> + Send + 'static,
    {
        let policy = self.policy.clone();
        Box::pin(self.writer.write(move |connection| work(connection, &policy)))
    }

    fn read<T, F>(&self, work: F) -> JobFuture<'_, T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, JobError> + Send + 'static,
    {
        Box::pin(self.readers.read(work))
    }
}

impl fmt::Debug for SqliteQueue {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("SqliteQueue").field("policy", &self.policy).finish_non_exhaustive()
    }
}

impl JobQueue for SqliteQueue {
    fn enqueue(&self, submission: Submission, now: JobTime) -> JobFuture<'_, Enqueued> {
        self.write(move |connection, policy| enqueue::enqueue(connection, policy, &submission, now))
    }

    fn admits(&self, owner: &str, idempotency_key: Option<&str>) -> JobFuture<'_, ()> {
        let (policy, owner, key) = (self.policy.clone(), owner.to_owned(), idempotency_key.map(str::to_owned));
        self.read(move |connection| enqueue::admits(connection, &policy, &owner, key.as_deref()))
    }

    fn claim(&self, worker: &str, now: JobTime) -> JobFuture<'_, Option<Lease>> {
        let worker = worker.to_owned();
        self.write(move |connection, policy| claim::claim(connection, policy, &worker, now))
    }

    fn renew(&self, lease: LeaseKey, progress: JobProgress, now: JobTime) -> JobFuture<'_, Renewed> {
        self.write(move |connection, policy| settle::renew(connection, lease, progress, now.after(policy.lease)))
    }

    fn complete(&self, lease: LeaseKey, result: String, now: JobTime) -> JobFuture<'_, ()> {
        self.write(move |connection, _| settle::complete(connection, lease, &result, now))
    }

    fn fail(&self, lease: LeaseKey, failure: JobFailure, attempted: Attempted, now: JobTime) -> JobFuture<'_, Job> {
        self.write(move |connection, policy| settle::fail(connection, policy, lease, (&failure, attempted), now))
    }

    fn give_back(&self, lease: LeaseKey, now: JobTime) -> JobFuture<'_, ()> {
        self.write(move |connection, _| settle::give_back(connection, lease, now))
    }

    fn cancelled(&self, lease: LeaseKey, now: JobTime) -> JobFuture<'_, ()> {
        self.write(move |connection, _| settle::cancelled(connection, lease, now))
    }

    fn cancel(&self, id: JobId, now: JobTime) -> JobFuture<'_, Job> {
        self.write(move |connection, _| asked::cancel(connection, id, now))
    }

    fn retry(&self, id: JobId, now: JobTime) -> JobFuture<'_, Job> {
        self.write(move |connection, policy| asked::retry(connection, policy, id, now))
    }

    fn delete(&self, id: JobId) -> JobFuture<'_, ()> {
        self.write(move |connection, _| asked::delete(connection, id))
    }

    fn get(&self, id: JobId) -> JobFuture<'_, Job> {
        self.read(move |connection| row::get(connection, id))
    }

    fn list(&self, filter: JobFilter) -> JobFuture<'_, Vec<Job>> {
        self.read(move |connection| read::list(connection, &filter))
    }

    fn changes(&self, after: u64, limit: usize) -> JobFuture<'_, Vec<Job>> {
        self.read(move |connection| read::changes(connection, after, limit))
    }

    fn counts(&self, now: JobTime) -> JobFuture<'_, JobCounts> {
        self.read(move |connection| read::counts(connection, now))
    }

    fn sweep(&self, now: JobTime) -> JobFuture<'_, Swept> {
        self.write(move |connection, policy| sweep::sweep(connection, policy, now))
    }

    fn wakes(&self) -> watch::Receiver<u64> {
        self.writer.commits()
    }
}
