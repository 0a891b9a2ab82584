//! One face of a picture through an embedding model: what a slot's thread does before and after the run.

use crate::{Appearance, FaceEmbeddingModel};
use samovar_media::{AlignedCrop, Picture};
use samovar_runtime::{InputRow, OutputRow, Scratch, Task, TaskError};
use std::sync::Arc;

/// One aligned face on its way through an embedding model.
pub(crate) struct FaceEmbeddingTask {
    pub(crate) model: Arc<FaceEmbeddingModel>,
    pub(crate) picture: Picture,
    pub(crate) crop: AlignedCrop,
}

impl Task for FaceEmbeddingTask {
    type Output = Appearance;

    fn write(&mut self, row: &mut InputRow<'_>, scratch: &mut Scratch) -> Result<(), TaskError> {
        self.model.write(&self.picture, &self.crop, row, scratch)
    }

    fn read(&mut self, row: &OutputRow<'_>, _scratch: &mut Scratch) -> Result<Appearance, TaskError> {
        self.model.read(row)
    }
}
