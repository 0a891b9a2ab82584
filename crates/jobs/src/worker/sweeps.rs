//! Every worker sweeps: whichever lives takes back what the dead have left.

use super::WorkerEvent;
use super::shared::Shared;
use crate::{JobId, Swept};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Sweeps every few seconds until `stop`. Where the clock was set ahead, or the machine has slept, whoever still lives may renew first.
pub async fn sweeps(shared: &Arc<Shared>, stop: &CancellationToken) {
    let mut last = (shared.now(), Instant::now());
    while !stop.is_cancelled() {
        let leapt = last.0.until(shared.now()) > last.1.elapsed() + LEAP;
        let rest = match leapt {
            true => shared.options.heartbeat * 3,
            false if sweep(shared).await => Duration::ZERO,
            false => SWEEP,
        };
        last = (shared.now(), Instant::now());
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(rest) => {}
        }
    }
}

/// Whether something was found, so that there may be more.
async fn sweep(shared: &Arc<Shared>) -> bool {
    match shared.queue.sweep(shared.now()).await {
        Ok(Swept { expired, forgotten }) => {
            shared.figures.add(WorkerEvent::Expired, expired.len());
            shared.figures.add(WorkerEvent::Forgotten, forgotten.len());
            let found = !expired.is_empty() || !forgotten.is_empty();
            forget(shared, forgotten).await;
            found
        }
        Err(error) => {
            tracing::warn!(%error, code = error.kind().code(), "the queue of jobs could not be swept");
            shared.count(WorkerEvent::StorageFailed);
            false
        }
    }
}

/// Folders are removed where blocking is allowed.
async fn forget(shared: &Arc<Shared>, forgotten: Vec<JobId>) {
    if forgotten.is_empty() {
        return;
    }
    let runner = shared.runner.clone();
    let forgetting = tokio::task::spawn_blocking(move || forgotten.into_iter().for_each(|id| runner.forget(id)));
    if let Err(error) = forgetting.await {
        tracing::error!(%error, "what is left of a forgotten job could not be removed");
    }
}

/// How often a worker sweeps.
const SWEEP: Duration = Duration::from_secs(5);
/// By so much the wall clock may gain on the other between two sweeps and nobody calls it a leap.
const LEAP: Duration = Duration::from_secs(2);
