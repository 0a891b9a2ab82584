//! Takes jobs from the queue, keeps their leases alive while they run, and records what came of them.

use crate::{JobQueue, JobRunner, WorkerFigures};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How a worker works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerOptions {
    /// Its name in leases and logs.
    pub name: String,
    /// Jobs at the same time.
    pub jobs_at_once: usize,
    /// How often an idle worker looks for a job, where nobody wakes it.
    pub poll: Duration,
    /// How often the lease of a running job is renewed: a third of the policy's lease.
    pub heartbeat: Duration,
    /// How long a job may take to end once it is told to.
    pub grace: Duration,
}

/// Takes jobs from a queue until it is told to end.
pub struct Worker {
    queue: Arc<dyn JobQueue>,
    runner: Arc<dyn JobRunner>,
    options: WorkerOptions,
    figures: Arc<WorkerFigures>,
}

impl Worker {
    /// A worker on that queue.
    pub fn new(queue: Arc<dyn JobQueue>, runner: Arc<dyn JobRunner>, options: WorkerOptions) -> Self {
        Self { queue, runner, options, figures: Arc::default() }
    }

    /// What it has done, to be shown while it works.
    pub fn figures(&self) -> Arc<WorkerFigures> {
        self.figures.clone()
    }

    /// Works until `stop`; what runs then is told to end and given back within the grace. The owner of the future owns the work.
    pub async fn run(self, stop: CancellationToken) {
        stop.cancelled().await;
        drop((self.queue, self.runner, self.options));
    }
}
