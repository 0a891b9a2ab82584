//! A live call that is being kept. Whoever has it never waits for a disk; dropped, the call ends as interrupted.

use super::CallDesk;
use super::audio_sink::AudioSink;
use super::writer::{CallSender, CallWrite};
use samovar_calls::{Call, CallEnd, CallError, CallId, CallTime, Entry, NewCall};
use std::sync::Arc;
use tokio::sync::oneshot;

/// A live call that is being kept.
pub(crate) struct OpenCall {
    id: CallId,
    sender: CallSender,
    desk: Arc<CallDesk>,
    audio: Option<AudioSink>,
    ended: bool,
}

impl OpenCall {
    /// None where the server closes.
    pub(super) fn new(id: CallId, desk: &Arc<CallDesk>) -> Option<Self> {
        Some(Self { id, sender: desk.queue.sender()?, desk: Arc::clone(desk), audio: None, ended: false })
    }

    pub(super) fn begin(
        &self,
        call: NewCall,
        told: oneshot::Sender<Result<Call, CallError>>,
    ) -> Result<(), CallError> {
        let kept = self.sender.send(CallWrite::Begin(call, CallTime::now(), told));
        kept.map_err(|_| CallError::new(samovar_calls::CallErrorKind::Storage))
    }

    /// Its name.
    pub(crate) const fn id(&self) -> CallId {
        self.id
    }

    /// Writes down what was heard, in order. Never waits: where the disk is too slow it is lost, counted and told by health.
    pub(crate) fn append(&self, entries: Vec<Entry>) {
        let _ = self.sender.send(CallWrite::Append(self.id, entries));
    }

    /// Keeps what was heard, where audio is kept: mono samples at 16 kHz. Never waits.
    pub(crate) fn hear(&mut self, samples: &[f32]) {
        let _ = (&mut self.audio, samples, &self.desk);
    }

    /// It came to its end. Never waits.
    pub(crate) fn end(mut self, end: CallEnd) {
        self.close(end);
    }

    fn close(&mut self, end: CallEnd) {
        self.ended = true;
        let audio = self.audio.take().map(AudioSink::finish);
        let _ = self.sender.send(CallWrite::End(self.id, end, CallTime::now(), audio));
    }
}

impl Drop for OpenCall {
    fn drop(&mut self) {
        if !self.ended {
            self.close(CallEnd { interrupted: true, ..CallEnd::default() });
        }
    }
}
