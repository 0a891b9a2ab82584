//! The runs that one request waits for, for whoever traces requests. Costs nothing where nobody does.

use crate::Timings;
use parking_lot::Mutex;
use std::future::Future;
use std::sync::Arc;
use std::time::Instant;

tokio::task_local! {
    static TRACE: Arc<RunTrace>;
}

/// Notes the runs that one request waits for. Bounded: of a request of very many runs the first are noted.
#[derive(Debug, Default)]
pub struct RunTrace(Mutex<Vec<TracedRun>>);

/// One run that was waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TracedRun {
    /// When it was asked for.
    pub asked: Instant,
    /// When its result was taken.
    pub done: Instant,
    /// Where the time between went.
    pub timings: Timings,
}

const RUNS_MAX: usize = 64;

impl RunTrace {
    /// Runs `work`; what it waits for by itself, not in tasks that it spawns, is noted in `trace`.
    pub async fn watch<F: Future>(trace: Arc<Self>, work: F) -> F::Output {
        TRACE.scope(trace, work).await
    }

    /// What has been noted.
    pub fn take(&self) -> Vec<TracedRun> {
        std::mem::take(&mut *self.0.lock())
    }

    /// The moment at which something is asked for, where somebody traces the request.
    pub(crate) fn asked() -> Option<Instant> {
        TRACE.try_with(|_| Instant::now()).ok()
    }

    /// Notes what has come of it.
    pub(crate) fn done(asked: Option<Instant>, timings: Timings) {
        let Some(asked) = asked else { return };
        // Somebody else may take the result than asked for it.
        let _ = TRACE.try_with(|trace| {
            let mut runs = trace.0.lock();
            if runs.len() < RUNS_MAX {
                runs.push(TracedRun { asked, done: Instant::now(), timings });
            }
        });
    }
}
