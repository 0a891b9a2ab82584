//! A call that is being kept. Whoever has it need not wait for a disk; dropped, the call ends as interrupted.

use super::CallDesk;
use super::wave::Wave;
use super::writer::{CallWrite, Told};
use samovar_calls::{Call, CallEnd, CallError, CallErrorKind, CallId, CallTime, Entry, NewCall};
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::runtime::Handle;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};

/// A call that is being kept.
pub(crate) struct OpenCall {
    id: CallId,
    writes: mpsc::Sender<CallWrite>,
    desk: Arc<CallDesk>,
    /// Sound on its way to the file; none where none is kept.
    wave: Option<Wave>,
    ended: bool,
}

impl OpenCall {
    /// None where the server closes.
    pub(super) fn new(id: CallId, desk: &Arc<CallDesk>) -> Option<Self> {
        let (writes, wave) = (desk.queue.sender()?, desk.settings.keep_audio.then(Wave::default));
        desk.metrics.calls.opened(1);
        Some(Self { id, writes, desk: Arc::clone(desk), wave, ended: false })
    }

    pub(super) fn begin(&mut self, call: NewCall, told: Told) -> Result<(), CallError> {
        let sent = self.writes.try_send(CallWrite::Begin(call, CallTime::now(), told));
        // What did not begin has no end.
        self.ended = sent.is_err();
        sent.map_err(|_| CallError::new(CallErrorKind::Storage))
    }

    /// Its name.
    pub(crate) const fn id(&self) -> CallId {
        self.id
    }

    /// Whether its sound is kept, so that [`OpenCall::hear`] is worth a call.
    pub(crate) const fn keeps_audio(&self) -> bool {
        self.wave.is_some()
    }

    /// Writes down what was heard, in order. Never waits: where the disk is too slow it is lost, counted, and told by health.
    pub(crate) fn append(&self, entries: Vec<Entry>) {
        let count = entries.len();
        if count > 0 && self.writes.try_send(CallWrite::Append(self.id, entries, None)).is_err() {
            self.desk.overrun(count);
        }
    }

    /// The same for whoever has the time to wait for the disk, and wants to know.
    ///
    /// # Errors
    /// The store's.
    pub(super) async fn append_waiting(&self, entries: Vec<Entry>) -> Result<(), CallError> {
        let lost = |_| CallError::new(CallErrorKind::Storage);
        let (told, kept) = oneshot::channel();
        self.writes.send(CallWrite::Append(self.id, entries, Some(told))).await.map_err(|_| lost(()))?;
        kept.await.map_err(|_| lost(()))?
    }

    /// Keeps sound, where sound is kept: mono samples of −1 to 1 at 16 kHz, in pieces of any length. Never waits: where the disk is too
    /// slow there is silence of that length instead, which is counted.
    pub(crate) fn hear(&mut self, samples: &[f32]) {
        let Some(wave) = &mut self.wave else { return };
        wave.push(samples);
        while let Some(piece) = wave.piece() {
            if let Err(lost) = self.writes.try_send(CallWrite::Audio(self.id, piece)) {
                lose(wave, &lost.into_inner(), &self.desk);
            }
        }
    }

    /// The same for whoever has the time to wait for the disk.
    pub(super) async fn hear_waiting(&mut self, samples: &[f32]) {
        let Some(wave) = &mut self.wave else { return };
        wave.push(samples);
        while let Some(piece) = wave.piece() {
            if let Err(lost) = self.writes.send(CallWrite::Audio(self.id, piece)).await {
                lose(wave, &lost.0, &self.desk);
            }
        }
    }

    /// It came to its end. Never waits.
    pub(crate) fn end(mut self, end: CallEnd) {
        self.close(end);
    }

    /// The same, and waits until all of it is written: the call as it is kept.
    ///
    /// # Errors
    /// The store's.
    pub(crate) async fn end_waiting(mut self, end: CallEnd) -> Result<Call, CallError> {
        let lost = || CallError::new(CallErrorKind::Storage);
        let (told, ended) = oneshot::channel();
        let write = CallWrite::End(self.id, end, CallTime::now(), Some(told));
        for write in self.rest_of_audio().into_iter().chain([write]) {
            self.writes.send(write).await.map_err(|_| lost())?;
        }
        self.ended = true;
        ended.await.unwrap_or_else(|_| Err(lost()))
    }

    fn rest_of_audio(&mut self) -> Option<CallWrite> {
        self.wave.as_mut().and_then(Wave::rest).map(|rest| CallWrite::Audio(self.id, rest))
    }

    fn close(&mut self, end: CallEnd) {
        self.ended = true;
        let end = CallWrite::End(self.id, end, CallTime::now(), None);
        let mut left: VecDeque<CallWrite> = self.rest_of_audio().into_iter().chain([end]).collect();
        while let Some(write) = left.pop_front() {
            match (self.writes.try_send(write), Handle::try_current()) {
                (Ok(()), _) => {}
                // A call that stays open is never forgotten: its end waits for room, as long as there is somebody who writes.
                (Err(TrySendError::Full(write)), Ok(runtime)) => {
                    left.push_front(write);
                    let writes = self.writes.clone();
                    runtime.spawn(async move {
                        for write in left {
                            drop(writes.send(write).await);
                        }
                    });
                    return;
                }
                // It is found open at the next start, and ended then.
                (Err(_), _) => return self.desk.overrun(1),
            }
        }
    }
}

/// A piece that was not written: silence goes in its place.
fn lose(wave: &mut Wave, write: &CallWrite, desk: &CallDesk) {
    if let CallWrite::Audio(_, piece) = write {
        wave.lose(piece);
        desk.metrics.calls.audio_lost(piece.seconds());
    }
}

impl Drop for OpenCall {
    fn drop(&mut self) {
        if !self.ended {
            self.close(CallEnd { interrupted: true, ..CallEnd::default() });
        }
        self.desk.metrics.calls.opened(-1);
    }
}
