//! A gate at which fake loads and runs wait until a test lets them through.

use parking_lot::{Condvar, Mutex};
use samovar_engine_api::{EngineError, EngineErrorKind};
use std::sync::Arc;
use std::time::Duration;

/// The longest that anything stands at a gate: a test that forgot to open it fails instead of hanging.
const WAIT_MAX: Duration = Duration::from_secs(20);

/// Clones are the same gate.
#[derive(Clone, Default)]
pub struct Gate {
    inner: Arc<(Mutex<State>, Condvar)>,
}

#[derive(Default)]
struct State {
    open: bool,
    passes: usize,
    waiting: usize,
}

impl Gate {
    /// A gate that holds whoever comes.
    pub fn closed() -> Self {
        Self::default()
    }

    /// Opens the gate for good: those who wait and those who come pass.
    pub fn open(&self) {
        self.inner.0.lock().open = true;
        self.inner.1.notify_all();
    }

    /// Closes the gate again.
    pub fn close(&self) {
        let mut state = self.inner.0.lock();
        (state.open, state.passes) = (false, 0);
    }

    /// Lets `count` through, those who wait first.
    pub fn let_through(&self, count: usize) {
        self.inner.0.lock().passes += count;
        self.inner.1.notify_all();
    }

    /// How many stand at the gate.
    pub fn waiting(&self) -> usize {
        self.inner.0.lock().waiting
    }

    /// Returns once at least `count` stand at the gate.
    ///
    /// # Panics
    /// After 20 seconds: the test waits for something that does not come.
    pub fn wait_for(&self, count: usize) {
        let (lock, changed) = &*self.inner;
        let mut state = lock.lock();
        let timed_out = changed.wait_while_for(&mut state, |state| state.waiting < count, WAIT_MAX).timed_out();
        assert!(!timed_out, "{} of {count} came to the gate", state.waiting);
    }

    /// Waits until the gate lets the caller through.
    pub(crate) fn pass(&self) -> Result<(), EngineError> {
        let (lock, changed) = &*self.inner;
        let mut state = lock.lock();
        state.waiting += 1;
        changed.notify_all();
        let wait = changed.wait_while_for(&mut state, |state| !state.open && state.passes == 0, WAIT_MAX);
        state.waiting -= 1;
        if wait.timed_out() {
            return Err(EngineError::new(EngineErrorKind::Run, "the gate was not opened within 20 seconds"));
        }
        state.passes = state.passes.saturating_sub(1);
        Ok(())
    }
}
