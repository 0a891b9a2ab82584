//! Threads of a registry beside its device's: each operation on a model has one of its own, and the keeper has one.

use crate::lifecycle::Model;
use crate::threads::Threads;
use crate::{RunError, RunErrorKind};
use parking_lot::{Condvar, Mutex};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

/// Threads of a registry beside its device's: blocking operations on models, and the keeper. They are joined at the end.
#[derive(Clone)]
pub(crate) struct Operations {
    shared: Arc<OperationsShared>,
    /// How long the end waits for operations in progress.
    close_limit: Duration,
}

#[derive(Default)]
struct OperationsShared {
    threads: Threads,
    closed: Mutex<bool>,
    /// Signalled at the end: the keeper wakes.
    closing: Condvar,
}

impl Operations {
    pub(crate) fn new(close_limit: Duration) -> Self {
        Self { shared: Arc::default(), close_limit }
    }

    /// Starts an operation; its outcome comes by the channel. No channel: it was not started, and the model does not
    /// wait for it.
    ///
    /// # Errors
    /// `ShuttingDown`; `NotReady` where the system gives no thread.
    pub(crate) fn start<R: Send + 'static>(
        &self,
        model: &Arc<Model>,
        operation: impl FnOnce(&Model) -> R + Send + 'static,
    ) -> Result<oneshot::Receiver<R>, RunError> {
        let (sender, receiver) = oneshot::channel();
        let running = Arc::clone(model);
        let started = self.spawn(format!("model-{}", model.spec.name), move || {
            match catch_unwind(AssertUnwindSafe(|| operation(&running))) {
                // Whoever asked may have gone.
                Ok(outcome) => drop(sender.send(outcome)),
                Err(_) => tracing::error!(model = %running.spec.name, "an operation on the model ended in a panic"),
            }
        });
        started.inspect_err(|_| model.give_up("the operation could not be started")).map(|()| receiver)
    }

    pub(crate) fn spawn(&self, name: String, body: impl FnOnce() + Send + 'static) -> Result<(), RunError> {
        // Held while the thread starts: after the end none does.
        let closed = self.shared.closed.lock();
        if *closed {
            return Err(RunError::shutting_down());
        }
        self.shared.threads.spawn(name, body).map_err(|error| no_thread(&error))
    }

    /// Runs an operation and waits for its outcome.
    pub(crate) async fn run<R: Send + 'static>(
        &self,
        model: &Arc<Model>,
        operation: impl FnOnce(&Model) -> R + Send + 'static,
    ) -> Result<R, RunError> {
        let outcome = self.start(model, operation)?.await;
        outcome.map_err(|_| RunError::internal("the operation on the model failed; the server's log says why"))
    }

    /// Starts nothing more and waits for what goes on, but not for ever: what hangs is left to the end of the process.
    pub(crate) fn close(&self) {
        if std::mem::replace(&mut *self.shared.closed.lock(), true) {
            // What hung the first time is not waited for again.
            return;
        }
        self.shared.closing.notify_all();
        let left = self.shared.threads.join_within(self.close_limit);
        if left > 0 {
            tracing::warn!(operations = left, "operations on models did not end in time and are left behind");
        }
    }

    /// Sleeps for `time` or until the end; tells whether it is the end.
    pub(crate) fn sleep(&self, time: Duration) -> bool {
        let mut closed = self.shared.closed.lock();
        if !*closed {
            self.shared.closing.wait_for(&mut closed, time);
        }
        *closed
    }
}

fn no_thread(error: &std::io::Error) -> RunError {
    tracing::error!(%error, "no thread for an operation on a model");
    let retry_after = Duration::from_secs(1);
    RunError::new(RunErrorKind::NotReady { retry_after }, "the system gives no thread for the model; ask again later")
}
