//! The one task that writes what live calls told: in order, behind a bounded queue, so that a slow disk holds nobody up.

use super::audio_sink::AudioEnd;
use parking_lot::Mutex;
use samovar_calls::{Call, CallEnd, CallError, CallId, CallStore, CallTime, Entry, NewCall};
use tokio::sync::{mpsc, oneshot};

/// Something to be written.
pub(super) enum CallWrite {
    Begin(NewCall, CallTime, oneshot::Sender<Result<Call, CallError>>),
    Append(CallId, Vec<Entry>),
    End(CallId, CallEnd, CallTime, Option<AudioEnd>),
}

/// The way in. Closed when the server closes: then the calls that are open are the last to write.
pub(super) struct CallQueue {
    sender: Mutex<Option<CallSender>>,
}

/// The way in for one open call.
#[derive(Clone)]
pub(super) struct CallSender {
    writes: mpsc::Sender<CallWrite>,
}

/// There was no room.
pub(super) struct Lost;

/// What comes out of the queue.
pub(super) struct Writing {
    pub(super) writes: mpsc::Receiver<CallWrite>,
}

impl CallQueue {
    pub(super) fn new(waiting_max: usize) -> (Self, Writing) {
        let (sender, writes) = mpsc::channel(waiting_max.max(1));
        (Self { sender: Mutex::new(Some(CallSender { writes: sender })) }, Writing { writes })
    }

    pub(super) fn sender(&self) -> Option<CallSender> {
        self.sender.lock().clone()
    }

    pub(super) fn close(&self) {
        *self.sender.lock() = None;
    }
}

impl CallSender {
    pub(super) fn send(&self, write: CallWrite) -> Result<(), Lost> {
        self.writes.try_send(write).map_err(|_| Lost)
    }
}

/// Writes until the queue is closed and empty.
pub(super) async fn write_all(mut writing: Writing, store: &dyn CallStore) {
    while let Some(write) = writing.writes.recv().await {
        match write {
            CallWrite::Begin(call, now, told) => drop(told.send(store.begin(call, now).await)),
            CallWrite::Append(id, entries) => drop(store.append(id, entries).await),
            CallWrite::End(id, end, now, _) => drop(store.end(id, end, now).await),
        }
    }
}
