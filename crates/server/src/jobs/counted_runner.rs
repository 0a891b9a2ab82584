//! The runner of the worker inside, with its attempts counted.

use crate::Metrics;
use samovar_jobs::{Job, JobContext, JobId, JobRunner, RunEnd};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use tokio::time::Instant;

/// Does what another runner does, and counts how it ended.
pub(super) struct CountedRunner {
    pub(super) runner: Arc<dyn JobRunner>,
    pub(super) metrics: Arc<Metrics>,
}

impl JobRunner for CountedRunner {
    fn run(&self, job: Job, context: JobContext) -> Pin<Box<dyn Future<Output = RunEnd> + Send + '_>> {
        Box::pin(async move {
            let begun = Instant::now();
            let end = self.runner.run(job, context).await;
            self.metrics.jobs.attempted(&end, begun.elapsed());
            end
        })
    }

    fn settled(&self, id: JobId, result: &str) {
        self.runner.settled(id, result);
    }

    fn forget(&self, id: JobId) {
        self.runner.forget(id);
    }
}
