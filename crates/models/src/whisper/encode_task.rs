//! One window through the encoder: what a slot's thread does before and after the run.

use super::{EncodedWindow, WhisperModel};
use samovar_runtime::{InputRow, OutputRow, Scratch, Task, TaskError};
use std::sync::Arc;
use tokio::sync::oneshot;

/// A window's sound on its way through the encoder.
pub(super) struct EncodeTask {
    pub(super) model: Arc<WhisperModel>,
    /// Mono at 16 kHz.
    pub(super) samples: Vec<f32>,
    /// Told when it has its turn.
    pub(super) begun: Option<oneshot::Sender<()>>,
}

impl Task for EncodeTask {
    type Output = EncodedWindow;

    fn write(&mut self, row: &mut InputRow<'_>, scratch: &mut Scratch) -> Result<(), TaskError> {
        // Whoever asked may have gone.
        let _ = self.begun.take().map(|begun| begun.send(()));
        self.model.write(&self.samples, row, scratch)
    }

    fn read(&mut self, row: &OutputRow<'_>, _scratch: &mut Scratch) -> Result<EncodedWindow, TaskError> {
        self.model.read(row)
    }
}
