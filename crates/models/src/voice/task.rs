//! One chunk of a stream through a voice detector: what a slot's thread does before and after the run.

use super::{VoiceModel, VoiceState};
use samovar_runtime::{InputRow, OutputRow, Scratch, Task, TaskError};
use std::sync::Arc;

/// One chunk on its way through a voice detector, with a copy of its stream's state: a run that fails or is given up leaves the
/// stream as it was.
pub(super) struct VoiceTask {
    pub(super) model: Arc<VoiceModel>,
    pub(super) state: VoiceState,
    pub(super) samples: Box<[f32]>,
}

impl Task for VoiceTask {
    /// The probability that somebody speaks, and the network's memory after it.
    type Output = (f32, Vec<f32>);

    fn write(&mut self, row: &mut InputRow<'_>, _scratch: &mut Scratch) -> Result<(), TaskError> {
        self.model.write(&self.state, &self.samples, row)
    }

    fn read(&mut self, row: &OutputRow<'_>, _scratch: &mut Scratch) -> Result<Self::Output, TaskError> {
        self.model.read(row)
    }
}
