//! The caller's end of a submission: awaits the result, and cancels the work when dropped.

use crate::device::Device;
use crate::work::Outcome;
use crate::{Generation, RunError, RunTrace};
use samovar_schedule::Ticket;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// A result on its way. Dropping it before it resolves cancels the work if it has not started.
pub struct Pending<T> {
    receiver: oneshot::Receiver<Outcome<T>>,
    /// Tells the queue that the caller has gone; disarmed when the result arrives.
    cancel: Option<Cancel>,
    /// When it was asked for, where somebody traces that.
    asked: Option<Instant>,
}

struct Cancel {
    device: Weak<Device>,
    ticket: Ticket,
}

/// A result with what it took.
#[derive(Clone, Debug)]
pub struct Completed<T> {
    /// What the task read from the outputs.
    pub output: T,
    /// Where the time went.
    pub timings: Timings,
    /// The generation that served.
    pub generation: Arc<Generation>,
}

/// Where the time of one call went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timings {
    /// Waiting in the queue.
    pub queued: Duration,
    /// Writing this row: decode, resize, normalise.
    pub wrote: Duration,
    /// The engine's run of the whole batch.
    pub ran: Duration,
    /// Reading this row.
    pub read: Duration,
    /// Rows in the batch.
    pub batch_rows: usize,
}

impl<T> Pending<T> {
    pub(crate) fn new(receiver: oneshot::Receiver<Outcome<T>>, device: Weak<Device>, ticket: Ticket) -> Self {
        Self { receiver, cancel: Some(Cancel { device, ticket }), asked: RunTrace::asked() }
    }

    /// Waits for the result on a thread that is not part of an async runtime.
    ///
    /// # Errors
    /// Whatever became of the work instead of a result.
    ///
    /// # Panics
    /// When called from async code.
    pub fn wait(mut self) -> Result<Completed<T>, RunError> {
        let (_sender, closed) = oneshot::channel();
        let receiver = std::mem::replace(&mut self.receiver, closed);
        let result = receiver.blocking_recv().unwrap_or_else(|_| Err(lost()));
        self.cancel = None;
        result
    }
}

impl<T> Future for Pending<T> {
    type Output = Result<Completed<T>, RunError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.receiver).poll(context).map(|received| {
            self.cancel = None;
            if let Ok(Ok(completed)) = &received {
                RunTrace::done(self.asked, completed.timings);
            }
            received.unwrap_or_else(|_| Err(lost()))
        })
    }
}

/// Work is settled even when the device closes: only a panic loses it.
fn lost() -> RunError {
    RunError::internal("the work was lost on the way; the server's log says why")
}

impl<T> Drop for Pending<T> {
    fn drop(&mut self) {
        if let Some(Cancel { device, ticket }) = self.cancel.take()
            && let Some(device) = device.upgrade()
        {
            device.cancel(ticket);
        }
    }
}
