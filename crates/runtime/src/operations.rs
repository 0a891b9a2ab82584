//! Threads of a registry beside its device's: each operation on a model has one of its own, and the keeper has one.

use crate::lifecycle::Model;
use crate::{RunError, RunErrorKind};
use parking_lot::{Condvar, Mutex, MutexGuard};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::oneshot;

/// Threads of a registry beside its device's: blocking operations on models, and the keeper. They are joined at the end.
#[derive(Clone, Default)]
pub(crate) struct Operations {
    shared: Arc<OperationsShared>,
}

#[derive(Default)]
struct OperationsShared {
    state: Mutex<OperationsState>,
    /// Signalled at the end: the keeper wakes.
    closing: Condvar,
    /// Signalled when the last thread ends.
    ended: Condvar,
}

#[derive(Default)]
struct OperationsState {
    closed: bool,
    /// Threads that have not ended.
    running: usize,
    threads: Vec<JoinHandle<()>>,
}

/// One running thread, counted until it ends, however that is.
struct Running(Arc<OperationsShared>);

/// How long the end waits for operations in progress: a drain, or a load that cannot be interrupted.
const CLOSE_MAX: Duration = Duration::from_secs(30);

impl Operations {
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
                Err(_) => running.give_up("an operation on the model ended in a panic"),
            }
        });
        started.inspect_err(|_| model.give_up("the operation could not be started")).map(|()| receiver)
    }

    pub(crate) fn spawn(&self, name: String, body: impl FnOnce() + Send + 'static) -> Result<(), RunError> {
        let mut state = self.shared.state.lock();
        if state.closed {
            return Err(RunError::shutting_down());
        }
        state.threads.retain(|thread| !thread.is_finished());
        state.running += 1;
        // Dropped with the closure where there is no thread, which needs the lock.
        let running = Running(Arc::clone(&self.shared));
        let spawned = MutexGuard::unlocked(&mut state, || {
            std::thread::Builder::new().name(name).spawn(move || {
                let _running = running;
                body();
            })
        });
        state.threads.push(spawned.map_err(|error| no_thread(&error))?);
        Ok(())
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
        let mut state = self.shared.state.lock();
        state.closed = true;
        self.shared.closing.notify_all();
        self.shared.ended.wait_while_for(&mut state, |state| state.running > 0, CLOSE_MAX);
        let (left, threads) = (state.running, std::mem::take(&mut state.threads));
        drop(state);
        if left > 0 {
            tracing::warn!(operations = left, "operations on models did not end in time and are left behind");
        }
        for thread in threads.into_iter().filter(|thread| left == 0 || thread.is_finished()) {
            if thread.join().is_err() {
                tracing::error!("an operation on a model ended in a panic");
            }
        }
    }

    /// Sleeps for `time` or until the end; tells whether it is the end.
    pub(crate) fn sleep(&self, time: Duration) -> bool {
        let mut state = self.shared.state.lock();
        if !state.closed {
            self.shared.closing.wait_for(&mut state, time);
        }
        state.closed
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        state.running -= 1;
        if state.running == 0 {
            self.0.ended.notify_all();
        }
    }
}

fn no_thread(error: &std::io::Error) -> RunError {
    tracing::error!(%error, "no thread for an operation on a model");
    let retry_after = Duration::from_secs(1);
    RunError::new(RunErrorKind::NotReady { retry_after }, "the system gives no thread for the model; ask again later")
}
