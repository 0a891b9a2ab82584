//! Keeps the process small: what a model freed when it came or went is given back to the system, and code that only its load ran.
//!
//! Not at once: giving back stops every thread that allocates for some milliseconds, which live streams feel when models are
//! swapped under them. So a thread of its own does it once things have been quiet for a moment.

use parking_lot::{Condvar, Mutex};
use samovar_engines::{give_back_code, trim_heap};
use samovar_runtime::{Event, Observer};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// An observer that sees to it that the heap is trimmed, and passes everything on.
pub struct HeapKeeper {
    next: Option<Arc<dyn Observer>>,
    due: Arc<Due>,
    /// None where the system gave no thread: then the heap is trimmed at once.
    thread: Option<JoinHandle<()>>,
}

/// When the heap is to be trimmed.
#[derive(Default)]
struct Due {
    state: Mutex<State>,
    /// Signalled when something was freed, and at the end.
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// When the first and the last thing since the last trim happened.
    since: Option<(Instant, Instant)>,
    closing: bool,
}

fn give_back() {
    trim_heap();
    give_back_code();
}

/// How long nothing must have come or gone.
const QUIET: Duration = Duration::from_secs(1);
/// How long a trim waits for quiet at most.
const WAIT_MAX: Duration = Duration::from_secs(5);

impl HeapKeeper {
    /// In front of `next`, where there is one.
    pub fn new(next: Option<Arc<dyn Observer>>) -> Self {
        let due = Arc::new(Due::default());
        let keeper = Arc::clone(&due);
        let thread = std::thread::Builder::new().name("heap".to_owned()).spawn(move || keeper.trim_when_due()).ok();
        Self { next, due, thread }
    }

    fn freed(&self) {
        if self.thread.is_none() {
            return give_back();
        }
        let now = Instant::now();
        let mut state = self.due.state.lock();
        state.since = Some((state.since.map_or(now, |(first, _)| first), now));
        self.due.changed.notify_one();
    }
}

impl Due {
    fn trim_when_due(&self) {
        let mut state = self.state.lock();
        while !state.closing {
            match state.since {
                None => self.changed.wait(&mut state),
                Some((first, last)) => {
                    let at = (last + QUIET).min(first + WAIT_MAX);
                    if Instant::now() < at {
                        self.changed.wait_until(&mut state, at);
                        continue;
                    }
                    state.since = None;
                    parking_lot::MutexGuard::unlocked(&mut state, give_back);
                }
            }
        }
    }
}

impl Observer for HeapKeeper {
    fn observe(&self, event: &Event<'_>) {
        if matches!(event, Event::WarmedUp { .. } | Event::Unloaded { .. } | Event::LoadFailed { .. }) {
            self.freed();
        }
        if let Some(next) = &self.next {
            next.observe(event);
        }
    }
}

impl Drop for HeapKeeper {
    fn drop(&mut self) {
        self.due.state.lock().closing = true;
        self.due.changed.notify_one();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the heap's thread ended in a panic");
        }
    }
}
