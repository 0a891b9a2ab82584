//! Threads with a name, an owner and an end: the owner waits for the end, but not for ever.

use parking_lot::{Condvar, Mutex};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

/// The threads of one owner. Bounded by what the owner starts; those that have ended are forgotten.
#[derive(Default)]
pub(crate) struct Threads {
    shared: Arc<Shared>,
    handles: Mutex<Vec<JoinHandle<()>>>,
}

#[derive(Default)]
struct Shared {
    /// Threads that have not ended.
    running: Mutex<usize>,
    /// Signalled when the last one ends.
    ended: Condvar,
}

/// One thread, counted until it ends, however that is.
struct Running(Arc<Shared>);

impl Threads {
    /// Starts a thread.
    ///
    /// # Errors
    /// The system gives none.
    pub(crate) fn spawn(&self, name: String, body: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
        let running = Running::new(&self.shared);
        let thread = std::thread::Builder::new().name(name).spawn(move || {
            let _running = running;
            body();
        })?;
        let mut handles = self.handles.lock();
        handles.retain(|thread| !thread.is_finished());
        handles.push(thread);
        Ok(())
    }

    /// Waits until all have ended; tells how many have not, within `limit`. Those are joined by a later call, or left to the end of
    /// the process.
    pub(crate) fn join_within(&self, limit: Duration) -> usize {
        let mut running = self.shared.running.lock();
        self.shared.ended.wait_while_for(&mut running, |running| *running > 0, limit);
        let left = *running;
        drop(running);
        if left == 0 {
            self.handles.lock().drain(..).for_each(join);
        }
        left
    }
}

fn join(thread: JoinHandle<()>) {
    let name = thread.thread().name().unwrap_or_default().to_owned();
    if thread.join().is_err() {
        tracing::error!(%name, "a thread ended in a panic");
    }
}

impl Running {
    fn new(shared: &Arc<Shared>) -> Self {
        *shared.running.lock() += 1;
        Self(Arc::clone(shared))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut running = self.0.running.lock();
        *running -= 1;
        if *running == 0 {
            self.0.ended.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    const LONG: Duration = Duration::from_secs(15);

    #[test]
    fn a_thread_that_hangs_is_counted_and_one_that_panics_has_ended() {
        let threads = Threads::default();
        let (release, held) = channel::<()>();
        threads.spawn("hangs".to_owned(), move || assert!(held.recv().is_err())).unwrap();
        threads.spawn("panics".to_owned(), || assert!(LONG.is_zero(), "as told")).unwrap();
        while threads.join_within(Duration::from_millis(1)) > 1 {}
        assert_eq!(threads.join_within(Duration::from_millis(1)), 1);
        drop(release);
        assert_eq!(threads.join_within(LONG), 0);
        assert!(threads.handles.lock().is_empty(), "all are joined");
    }
}
