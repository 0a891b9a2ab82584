//! What a worker needs to know of the work itself: one call that does it.

use crate::{Attempted, Job, JobFailure, JobProgress};
use parking_lot::Mutex;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Does the work of a job.
pub trait JobRunner: Send + Sync {
    /// Works `job` through. `context.cancelled` ends it early, within a second.
    ///
    /// A panic costs the attempt, not the worker.
    fn run(&self, job: Job, context: JobContext) -> Pin<Box<dyn Future<Output = RunEnd> + Send + '_>>;

    /// Removes what nobody needs any more of a job that has this result: the video that was sent along, what earlier attempts have left.
    /// Called once the result is committed, and not at all where the process dies in between. May block.
    fn settled(&self, id: crate::JobId, result: &str);

    /// Removes what is left of a job that is no longer known: uploads, results.
    fn forget(&self, id: crate::JobId);
}

/// What a run is told, and tells.
#[derive(Clone, Debug)]
pub struct JobContext {
    /// The fence of this attempt: what it writes is told apart from what an attempt before it may still write.
    pub token: u64,
    /// Cancelled when the job is to end: because somebody asked, the lease was lost, or the worker ends.
    pub cancelled: CancellationToken,
    progress: Arc<Mutex<JobProgress>>,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq)]
pub enum RunEnd {
    /// With this result, JSON.
    Done(String),
    /// Without.
    Failed(JobFailure, Attempted),
    /// It was told to end, and did.
    Stopped,
}

impl JobContext {
    /// For an attempt with that fence.
    pub fn new(token: u64) -> Self {
        Self { token, cancelled: CancellationToken::new(), progress: Arc::default() }
    }

    /// Tells how far it is. Cheap: the worker's heartbeat carries it on.
    pub fn tell(&self, progress: JobProgress) {
        *self.progress.lock() = progress;
    }

    /// How far it is.
    pub fn progress(&self) -> JobProgress {
        *self.progress.lock()
    }
}
