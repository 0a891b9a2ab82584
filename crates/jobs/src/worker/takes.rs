//! Takes jobs, as many at once as may run.

use super::shared::{Clock, Shared, woken};
use super::sweeps::sweeps;
use super::{WorkerEvent, WorkerFigures, WorkerOptions, attempt};
use crate::{JobQueue, JobRunner, JobTime, Lease};
use samovar_schedule::Backoff;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

/// Takes jobs from a queue until it is told to end.
pub struct Worker {
    shared: Arc<Shared>,
}

impl Worker {
    /// A worker on that queue.
    pub fn new(queue: Arc<dyn JobQueue>, runner: Arc<dyn JobRunner>, options: WorkerOptions) -> Self {
        Self::with_clock(queue, runner, options, Arc::new(JobTime::now))
    }

    /// The same with another clock: tests let it stand still.
    pub fn with_clock(
        queue: Arc<dyn JobQueue>,
        runner: Arc<dyn JobRunner>,
        options: WorkerOptions,
        clock: Arc<dyn Fn() -> JobTime + Send + Sync>,
    ) -> Self {
        let clock: Clock = clock;
        Self { shared: Arc::new(Shared { queue, runner, options, figures: Arc::default(), clock }) }
    }

    /// What it has done, to be shown while it works.
    pub fn figures(&self) -> Arc<WorkerFigures> {
        self.shared.figures.clone()
    }

    /// Works until `stop`; what runs then is told to end and given back within the grace. The owner of the future owns the work:
    /// where it is dropped, every run is dropped, and the leases end by themselves.
    pub async fn run(self, stop: CancellationToken) {
        tokio::join!(takes(&self.shared, &stop), sweeps(&self.shared, &stop));
    }
}

async fn takes(shared: &Arc<Shared>, stop: &CancellationToken) {
    let mut runs = JoinSet::new();
    let mut wakes = shared.queue.wakes();
    let mut trouble = Backoff::new(TROUBLE_FIRST, TROUBLE_MAX);
    while !stop.is_cancelled() {
        wakes.borrow_and_update();
        let rest = fill(shared, &mut runs, &mut trouble, stop).await;
        let has_room = runs.len() < shared.options.jobs_at_once;
        tokio::select! {
            () = stop.cancelled() => {}
            Some(ended) = runs.join_next() => log_panic(&ended),
            () = woken(&mut wakes), if has_room && trouble.tries() == 0 => {}
            () = tokio::time::sleep(rest), if has_room => {}
        }
    }
    while let Some(ended) = runs.join_next().await {
        log_panic(&ended);
    }
}

/// Takes jobs until there is no room or no job; says how long to rest then.
async fn fill(
    shared: &Arc<Shared>,
    runs: &mut JoinSet<()>,
    trouble: &mut Backoff,
    stop: &CancellationToken,
) -> Duration {
    while runs.len() < shared.options.jobs_at_once && !stop.is_cancelled() {
        match shared.queue.claim(&shared.options.name, shared.now()).await {
            Ok(Some(lease)) => begin(shared, runs, lease, stop),
            Ok(None) => break,
            Err(error) => {
                tracing::warn!(%error, code = error.kind().code(), "no job could be taken");
                shared.count(WorkerEvent::StorageFailed);
                return trouble.next_wait(1.0);
            }
        }
    }
    trouble.reset();
    shared.options.poll
}

fn begin(shared: &Arc<Shared>, runs: &mut JoinSet<()>, lease: Lease, stop: &CancellationToken) {
    shared.count(WorkerEvent::Claimed);
    let span = tracing::info_span!("job", id = %lease.job.id, attempt = lease.job.attempts);
    runs.spawn(attempt::attempt(shared.clone(), lease, stop.clone()).instrument(span));
}

fn log_panic(ended: &Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "the task of a job fell: its lease ends by itself");
    }
}

/// The first rest after the queue could not be used; it doubles.
const TROUBLE_FIRST: Duration = Duration::from_millis(200);
/// The longest.
const TROUBLE_MAX: Duration = Duration::from_secs(5);
