//! One window through the encoder: what a slot's thread does before and after the run.

use super::{EncodedWindow, WhisperModel};
use samovar_runtime::{InputRow, OutputRow, Scratch, Task, TaskError};
use std::sync::Arc;

/// A window's sound on its way through the encoder.
pub(super) struct EncodeTask {
    pub(super) model: Arc<WhisperModel>,
    /// Mono at 16 kHz.
    pub(super) samples: Vec<f32>,
}

impl Task for EncodeTask {
    type Output = EncodedWindow;

    fn write(&mut self, row: &mut InputRow<'_>, scratch: &mut Scratch) -> Result<(), TaskError> {
        self.model.write(&self.samples, row, scratch)
    }

    fn read(&mut self, row: &OutputRow<'_>, _scratch: &mut Scratch) -> Result<EncodedWindow, TaskError> {
        self.model.read(row)
    }
}
