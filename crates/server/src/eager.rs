//! Goes on at once with a future that has woken itself.
//!
//! A connection hands each piece of a body to the route that reads it, and both are one task: each hand-over wakes the task that is
//! being run. The event loop takes that for a task that gives way: it puts it behind the others and wakes a second thread to
//! look for work, some microseconds for every request and every piece.

use futures_util::task::AtomicWaker;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// Polls one future, and again where it woke itself meanwhile.
pub(crate) struct Eager {
    wakes: Arc<Wakes>,
    waker: Waker,
}

#[derive(Default)]
struct Wakes {
    state: AtomicU8,
    task: AtomicWaker,
}

/// What [`Wakes::state`] says.
const WAITS: u8 = 0;
const POLLED: u8 = 1;
const WOKEN: u8 = 2;

/// How often in a row; then other tasks have their turn.
const TURNS: usize = 8;

impl Eager {
    pub(crate) fn new() -> Self {
        let wakes = Arc::<Wakes>::default();
        Self { waker: Waker::from(Arc::clone(&wakes)), wakes }
    }

    /// Polls `future`, always the same one.
    pub(crate) fn poll<F: Future>(&self, context: &mut Context<'_>, mut future: Pin<&mut F>) -> Poll<F::Output> {
        self.wakes.task.register(context.waker());
        for _ in 0..TURNS {
            self.wakes.state.store(POLLED, Ordering::SeqCst);
            if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&self.waker)) {
                return Poll::Ready(output);
            }
            if self.wakes.state.swap(WAITS, Ordering::SeqCst) != WOKEN {
                return Poll::Pending;
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let polled = self.state.compare_exchange(POLLED, WOKEN, Ordering::SeqCst, Ordering::SeqCst);
        if polled == Err(WAITS) {
            self.task.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use std::pin::pin;
    use std::sync::atomic::AtomicUsize;

    #[derive(Default)]
    struct Told(AtomicUsize);

    impl Wake for Told {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Polls once a future that wakes itself so often; tells how often it was polled and how often its task was woken.
    fn polled(wakes: usize) -> (usize, usize) {
        let (told, mut polls) = (Arc::<Told>::default(), 0);
        let mut future = pin!(poll_fn(|context| {
            polls += 1;
            if polls <= wakes {
                context.waker().wake_by_ref();
            }
            Poll::<()>::Pending
        }));
        let waker = Waker::from(Arc::clone(&told));
        assert!(Eager::new().poll(&mut Context::from_waker(&waker), future.as_mut()).is_pending());
        (polls, told.0.load(Ordering::SeqCst))
    }

    #[test]
    fn a_future_that_wakes_itself_goes_on_at_once_but_not_for_ever() {
        assert_eq!(polled(0), (1, 0));
        assert_eq!(polled(3), (4, 0));
        assert_eq!(polled(TURNS), (TURNS, 1), "the others have their turn");
    }

    #[test]
    fn whoever_else_wakes_it_wakes_its_task() {
        let told = Arc::<Told>::default();
        let (eager, kept) = (Eager::new(), parking_lot::Mutex::new(None));
        let mut future = pin!(poll_fn(|context: &mut Context<'_>| {
            *kept.lock() = Some(context.waker().clone());
            Poll::<()>::Pending
        }));
        let waker = Waker::from(Arc::clone(&told));
        assert!(eager.poll(&mut Context::from_waker(&waker), future.as_mut()).is_pending());
        kept.lock().take().unwrap().wake();
        assert_eq!(told.0.load(Ordering::SeqCst), 1);
    }
}
