//! One picture through a face detector: what a slot's thread does before and after the run.

use crate::tensor_rows::TensorRow;
use crate::{FaceModel, FaceOptions, Faces};
use samovar_media::{Letterbox, Picture};
use samovar_runtime::{InputRow, OutputRow, Scratch, Task, TaskError};
use std::sync::Arc;

/// One picture on its way through a face detector.
pub(crate) struct FaceTask {
    pub(crate) model: Arc<FaceModel>,
    pub(crate) picture: Picture,
    pub(crate) letterbox: Letterbox,
    pub(crate) options: FaceOptions,
    pub(crate) row: TensorRow,
}

impl Task for FaceTask {
    type Output = Faces;

    fn write(&mut self, row: &mut InputRow<'_>, scratch: &mut Scratch) -> Result<(), TaskError> {
        self.row.take(row, scratch);
        self.model.write(&self.picture, &self.letterbox, row, scratch)
    }

    fn read(&mut self, row: &OutputRow<'_>, scratch: &mut Scratch) -> Result<Faces, TaskError> {
        let found = self.model.read(&|output| row.tensor(output), &self.letterbox, &self.options, scratch);
        self.row.give();
        found
    }
}
