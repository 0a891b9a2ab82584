//! The one task that writes what calls tell: in order, behind a bounded queue, so that a slow disk holds nobody up.

use super::CallDesk;
use super::wav_file::WavFile;
use super::wave::Wave;
use parking_lot::Mutex;
use samovar_calls::{AudioKept, Call, CallEnd, CallError, CallErrorKind, CallId, CallTime, Entry, NewCall};
use std::collections::{HashMap, VecDeque};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

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
    audio: HashMap<CallId, Sound>,
    /// Ends that the disk refused, until it takes them: a call that stays open is never forgotten.
    late: VecDeque<(CallId, CallEnd, CallTime)>,
    /// When the disk is asked again.
    late_at: Instant,
}

/// The sound of a call that goes on.
enum Sound {
    Grows(WavFile),
    /// A piece is lost: what comes behind it would lie at a wrong time, and is not kept.
    Cut(Option<WavFile>),
}

/// Between two tries to write the ends that the disk refused.
const LATE_EVERY: Duration = Duration::from_secs(1);
/// Ends that wait for the disk at most; further ones are found open at the next start.
const LATE_MAX: usize = 4_096;

impl<'a> CallWriter<'a> {
    pub(super) fn new(desk: &'a CallDesk) -> Self {
        Self { desk, audio: HashMap::new(), late: VecDeque::new(), late_at: Instant::now() }
    }

    /// Until the queue is closed and empty.
    pub(super) async fn write_all(mut self, mut writes: mpsc::Receiver<CallWrite>) {
        loop {
            tokio::select! {
                write = writes.recv() => match write {
                    Some(write) => self.write(write).await,
                    None => return self.end_late().await,
                },
                () = sleep_until(self.late_at), if !self.late.is_empty() => self.end_late().await,
            }
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
        let file = match self.audio.remove(&id) {
            None => None,
            Some(Sound::Grows(file)) => Some(file),
            Some(cut) => {
                self.audio.insert(id, cut);
                return self.desk.metrics.calls.audio_lost(seconds);
            }
        };
        let (folder, settings) = (self.desk.audio.clone(), self.desk.settings.clone());
        let written = tokio::task::spawn_blocking(move || match file.map_or_else(|| folder.create(id), Ok) {
            Ok(mut file) => (file.append(&wave, &settings), Some(file)),
            Err(error) => (Err(error), None),
        });
        let sound = match written.await {
            Ok((Ok(()), Some(file))) => Sound::Grows(file),
            Ok((written, file)) => {
                // Named by its kind: the system's own sentence may name a path.
                let kind = written.err().map(|error| error.kind());
                tracing::warn!(?kind, "the audio of a call cannot be kept from here on");
                self.desk.metrics.calls.audio_lost(seconds);
                Sound::Cut(file)
            }
            Err(_) => {
                self.desk.metrics.calls.audio_lost(seconds);
                Sound::Cut(None)
            }
        };
        self.audio.insert(id, sound);
    }

    async fn end(&mut self, id: CallId, end: CallEnd, now: CallTime, told: Option<Told>) {
        let file = self.audio.remove(&id).and_then(Sound::into_file);
        let audio = file.map(|file| AudioKept { file: file.name().to_owned(), bytes: file.bytes() });
        let end = CallEnd { audio, ..end };
        let ended = self.desk.store.end(id, end.clone(), now).await;
        match ended.as_ref().map_err(|error| error.kind()) {
            Ok(_) => {}
            // Deleted while it went on.
            Err(CallErrorKind::Unknown) => self.desk.audio.remove(vec![id]).await,
            Err(_) if self.late.len() < LATE_MAX => {
                self.late.push_back((id, end, now));
                self.late_at = Instant::now() + LATE_EVERY;
            }
            Err(_) => {}
        }
        self.desk.noted(&ended, 1);
        if let Some(told) = told {
            drop(told.send(ended));
        }
    }

    /// Writes the ends that the disk refused, as far as it takes them now.
    async fn end_late(&mut self) {
        while let Some((id, end, now)) = self.late.front().cloned() {
            let ended = self.desk.store.end(id, end, now).await;
            self.desk.health.note(ended.as_ref().map(drop));
            if ended.is_err_and(|error| error.kind() != CallErrorKind::Unknown) {
                self.late_at = Instant::now() + LATE_EVERY;
                return;
            }
            self.late.pop_front();
        }
    }
}

impl Sound {
    /// Its file, where there is sound in it.
    fn into_file(self) -> Option<WavFile> {
        let (Self::Grows(file) | Self::Cut(Some(file))) = self else { return None };
        Some(file).filter(|file| !file.is_empty())
    }
}
