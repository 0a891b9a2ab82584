//! One window of poses through a pose-sequence model: what a slot's thread does before and after the run.

use crate::{PoseWindow, SequenceModel};
use samovar_runtime::{InputRow, OutputRow, Scratch, Task, TaskError};
use std::sync::Arc;

/// One window on its way through a pose-sequence model.
pub(crate) struct ScoreTask {
    pub(crate) model: Arc<SequenceModel>,
    pub(crate) window: PoseWindow,
}

impl Task for ScoreTask {
    type Output = f32;

    fn write(&mut self, row: &mut InputRow<'_>, scratch: &mut Scratch) -> Result<(), TaskError> {
        self.model.write(&self.window, row, scratch)
    }

    fn read(&mut self, row: &OutputRow<'_>, _scratch: &mut Scratch) -> Result<f32, TaskError> {
        self.model.read(row)
    }
}
