//! What every run of a worker uses.

use super::{WorkerEvent, WorkerFigures, WorkerOptions};
use crate::{JobError, JobErrorKind, JobQueue, JobRunner, JobTime};
use std::sync::Arc;
use tokio::sync::watch;

/// What every run of a worker uses. Owned by the worker and its runs; gone with the last of them.
pub struct Shared {
    /// Where jobs come from.
    pub queue: Arc<dyn JobQueue>,
    /// Does the work.
    pub runner: Arc<dyn JobRunner>,
    /// How.
    pub options: WorkerOptions,
    /// What was done.
    pub figures: Arc<WorkerFigures>,
    /// The wall clock: it is the one that other processes see, too.
    pub clock: Clock,
}

/// Tells the time.
pub type Clock = Arc<dyn Fn() -> JobTime + Send + Sync>;

impl Shared {
    /// Now.
    pub fn now(&self) -> JobTime {
        (self.clock)()
    }

    /// Counts an event.
    pub fn count(&self, event: WorkerEvent) {
        self.figures.add(event, 1);
    }

    /// Whether the lease is gone for good; everything else is a store that fails for a while, and is counted.
    pub fn is_lost(&self, error: &JobError) -> bool {
        let lost = matches!(error.kind(), JobErrorKind::LeaseLost | JobErrorKind::Unknown);
        if !lost {
            self.count(WorkerEvent::StorageFailed);
        }
        lost
    }
}

/// Something was committed in this process. Never, where the queue cannot tell.
pub async fn woken(wakes: &mut watch::Receiver<u64>) {
    if wakes.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}
