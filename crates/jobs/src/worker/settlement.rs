//! What came of an attempt, and how it reaches the queue even where the store fails for a while.

use super::WorkerEvent;
use super::attempt::Hold;
use super::shared::Shared;
use crate::{Attempted, JobError, JobFailure, JobState};
use samovar_schedule::Backoff;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// What came of an attempt.
pub enum Settlement {
    /// This result, JSON.
    Done(String),
    /// This failure.
    Failed(JobFailure, Attempted),
    /// It was ended because somebody asked.
    Cancelled,
    /// It was ended because the worker ends.
    GivenBack,
}

impl Settlement {
    /// The run panicked.
    pub fn panicked() -> Self {
        Self::failed("runner_panicked", "the work on this job ended by a fault of the program: look at the log")
    }

    /// The run ended although nobody told it to.
    pub fn stopped() -> Self {
        Self::failed("run_stopped", "the work on this job stopped before its end: it is tried again by itself")
    }

    fn failed(code: &str, message: &str) -> Self {
        Self::Failed(JobFailure { code: code.to_owned(), message: message.to_owned() }, Attempted::Retry)
    }
}

/// Records it. A store that fails is tried again for as long as nobody else has the job: nothing that was finished is thrown away.
pub async fn settle(shared: &Shared, hold: &Hold<'_>, settlement: &Settlement, stop: &CancellationToken) {
    let mut backoff = Backoff::new(RETRY_FIRST, RETRY_MAX);
    let mut last = Instant::now() + RETRIES_MAX;
    let mut stopping = false;
    loop {
        // Tells the last of the progress, and keeps others away while what follows is tried again. What it answers does not matter:
        // the next call hears the same.
        if matches!(settlement, Settlement::Done(_)) {
            drop(shared.queue.renew(hold.key, hold.context.progress(), shared.now()).await);
        }
        match record(shared, hold, settlement).await {
            Ok(event) => {
                shared.count(event);
                return settled(shared, hold, settlement).await;
            }
            Err(error) if shared.is_lost(&error) || Instant::now() >= last => {
                tracing::warn!(%error, code = error.kind().code(), "what came of a job could not be recorded");
                return shared.count(WorkerEvent::LeaseLost);
            }
            Err(_) => {}
        }
        tokio::select! {
            () = tokio::time::sleep(backoff.next_wait(1.0)) => {}
            () = stop.cancelled(), if !stopping => {
                stopping = true;
                last = last.min(Instant::now() + shared.options.grace);
            }
        }
    }
}

async fn record(shared: &Shared, hold: &Hold<'_>, settlement: &Settlement) -> Result<WorkerEvent, JobError> {
    let (queue, now) = (&shared.queue, shared.now());
    Ok(match settlement {
        Settlement::Done(result) => {
            queue.complete(hold.key, result.clone(), now).await?;
            WorkerEvent::Completed
        }
        Settlement::Failed(failure, attempted) => {
            after_failure(queue.fail(hold.key, failure.clone(), *attempted, now).await?.state)
        }
        Settlement::Cancelled => {
            queue.cancelled(hold.key, now).await?;
            WorkerEvent::Cancelled
        }
        Settlement::GivenBack => {
            queue.give_back(hold.key, now).await?;
            WorkerEvent::GivenBack
        }
    })
}

/// What a job with its result needs no more goes, where blocking is allowed.
async fn settled(shared: &Shared, hold: &Hold<'_>, settlement: &Settlement) {
    let Settlement::Done(result) = settlement else { return };
    let (runner, id, result) = (shared.runner.clone(), hold.key.id, result.clone());
    if let Err(error) = tokio::task::spawn_blocking(move || runner.settled(id, &result)).await {
        tracing::error!(%error, "what a job needs no more could not be removed");
    }
}

const fn after_failure(state: JobState) -> WorkerEvent {
    match state {
        JobState::Cancelled => WorkerEvent::Cancelled,
        JobState::Failed => WorkerEvent::Failed,
        _ => WorkerEvent::Retried,
    }
}

/// The first rest before what was refused is told again; it doubles.
const RETRY_FIRST: Duration = Duration::from_millis(100);
/// The longest.
const RETRY_MAX: Duration = Duration::from_secs(2);
/// After so long a finished run is given up: the job is begun again once the store works.
const RETRIES_MAX: Duration = Duration::from_secs(15 * 60);
