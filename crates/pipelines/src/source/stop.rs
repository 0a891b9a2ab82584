//! How the thread of a source is told to stop, and how its owner learns that it has.

use parking_lot::{Condvar, Mutex};
use std::time::Duration;

/// Shared by a thread and its owner.
#[derive(Debug, Default)]
pub(super) struct Stop {
    phase: Mutex<Phase>,
    changed: Condvar,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    #[default]
    Running,
    Stopping,
    /// The thread has let go of everything.
    Gone,
}

impl Stop {
    /// Tells the thread to stop.
    pub(super) fn stop(&self) {
        self.reach(Phase::Stopping);
    }

    /// The thread is about to end.
    pub(super) fn gone(&self) {
        self.reach(Phase::Gone);
    }

    pub(super) fn is_stopped(&self) -> bool {
        *self.phase.lock() >= Phase::Stopping
    }

    /// Waits until told to stop, for `limit` at most.
    pub(super) fn wait(&self, limit: Duration) {
        let mut phase = self.phase.lock();
        self.changed.wait_while_for(&mut phase, |phase| *phase < Phase::Stopping, limit);
    }

    /// Waits for the thread's end; false where it has not come within `limit`.
    pub(super) fn wait_gone(&self, limit: Duration) -> bool {
        let mut phase = self.phase.lock();
        !self.changed.wait_while_for(&mut phase, |phase| *phase < Phase::Gone, limit).timed_out()
    }

    fn reach(&self, next: Phase) {
        let mut phase = self.phase.lock();
        *phase = next.max(*phase);
        self.changed.notify_all();
    }
}
