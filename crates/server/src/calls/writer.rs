//! The one task that writes what calls tell: in order, behind a bounded queue, so that a slow disk holds nobody up.

use super::CallDesk;
use super::wav_file::WavFile;
use super::wave::Wave;
use parking_lot::Mutex;
use samovar_calls::{AudioKept, Call, CallEnd, CallError, CallErrorKind, CallId, CallTime, Entry, NewCall};
use std::collections::HashMap;
use tokio::sync::{mpsc, oneshot};

/// Something to be written.
pub(super) enum CallWrite {
    Begin(NewCall, CallTime, Told),
    Append(CallId, Vec<Entry>, Option<oneshot::Sender<Result<(), CallError>>>),
    Audio(CallId, Wave),
    End(CallId, CallEnd, CallTime, Option<Told>),
}

/// Who waits for what became of it.
pub(super) type Told = oneshot::Sender<Result<Call, CallError>>;

/// The way in. Closed when the server closes: the calls that are open then are the last that write.
pub(super) struct CallQueue {
    sender: Mutex<Option<mpsc::Sender<CallWrite>>>,
}

impl CallQueue {
    pub(super) fn new(waiting_max: usize) -> (Self, mpsc::Receiver<CallWrite>) {
        let (sender, writes) = mpsc::channel(waiting_max.max(1));
        (Self { sender: Mutex::new(Some(sender)) }, writes)
    }

    /// The way in for one call; none where the server closes.
    pub(super) fn sender(&self) -> Option<mpsc::Sender<CallWrite>> {
        self.sender.lock().clone()
    }

    pub(super) fn close(&self) {
        *self.sender.lock() = None;
    }
}

/// Writes what comes out of the queue. Has the files of audio that are open.
pub(super) struct CallWriter<'a> {
    desk: &'a CallDesk,
    audio: HashMap<CallId, WavFile>,
}

impl<'a> CallWriter<'a> {
    pub(super) fn new(desk: &'a CallDesk) -> Self {
        Self { desk, audio: HashMap::new() }
    }

    /// Until the queue is closed and empty.
    pub(super) async fn write_all(mut self, mut writes: mpsc::Receiver<CallWrite>) {
        while let Some(write) = writes.recv().await {
            self.write(write).await;
            self.desk.metrics.calls.waiting(writes.len());
        }
    }

    async fn write(&mut self, write: CallWrite) {
        match write {
            CallWrite::Begin(call, now, told) => {
                let begun = self.desk.store.begin(call, now).await;
                self.desk.health.note(begun.as_ref().map(drop));
                // Whoever gave up ends it.
                drop(told.send(begun));
            }
            CallWrite::Append(id, entries, told) => {
                let count = entries.len();
                let kept = self.desk.store.append(id, entries).await;
                self.desk.noted(&kept, count);
                if let Some(told) = told {
                    let _ = told.send(kept);
                }
            }
            CallWrite::Audio(id, wave) => self.keep_audio(id, wave).await,
            CallWrite::End(id, end, now, told) => self.end(id, end, now, told).await,
        }
    }

    async fn keep_audio(&mut self, id: CallId, wave: Wave) {
        let seconds = wave.seconds();
        let file = self.audio.remove(&id);
        let (folder, settings) = (self.desk.audio.clone(), self.desk.settings.clone());
        let written = tokio::task::spawn_blocking(move || {
            let mut file = file.map_or_else(|| folder.create(id), Ok)?;
            file.append(&wave, &settings)?;
            std::io::Result::Ok(file)
        });
        match written.await {
            Ok(Ok(file)) => drop(self.audio.insert(id, file)),
            Ok(Err(error)) => {
                // Named by its kind: the system's own sentence may name a path.
                tracing::warn!(kind = ?error.kind(), "the audio of a call cannot be kept");
                self.desk.metrics.calls.audio_lost(seconds);
            }
            Err(_) => self.desk.metrics.calls.audio_lost(seconds),
        }
    }

    async fn end(&mut self, id: CallId, end: CallEnd, now: CallTime, told: Option<Told>) {
        let file = self.audio.remove(&id);
        let audio = file.map(|file| AudioKept { file: file.name().to_owned(), bytes: file.bytes() });
        let ended = self.desk.store.end(id, CallEnd { audio, ..end }, now).await;
        if ended.as_ref().is_err_and(|error| error.kind() == CallErrorKind::Unknown) {
            // Deleted while it went on.
            self.desk.audio.remove(vec![id]).await;
        }
        self.desk.noted(&ended, 1);
        if let Some(told) = told {
            drop(told.send(ended));
        }
    }
}
