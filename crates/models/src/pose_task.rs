//! One picture through a pose model: what a slot's thread does before and after the run.

use crate::tensor_rows::TensorRow;
use crate::{DetectOptions, DetectionModel, Poses};
use samovar_media::{Letterbox, Picture};
use samovar_runtime::{InputRow, OutputRow, Scratch, Task, TaskError};
use std::sync::Arc;

/// One picture on its way through a pose model.
pub(crate) struct PoseTask {
    pub(crate) model: Arc<DetectionModel>,
    pub(crate) picture: Picture,
    pub(crate) letterbox: Letterbox,
    pub(crate) options: DetectOptions,
    pub(crate) row: TensorRow,
}

impl Task for PoseTask {
    type Output = Poses;

    fn write(&mut self, row: &mut InputRow<'_>, scratch: &mut Scratch) -> Result<(), TaskError> {
        self.row.take(row, scratch);
        self.model.write(&self.picture, &self.letterbox, row, scratch)
    }

    fn read(&mut self, row: &OutputRow<'_>, scratch: &mut Scratch) -> Result<Poses, TaskError> {
        self.model.decode_poses(&row.tensor(self.model.output())?, &self.letterbox, &self.options, scratch)
    }
}
