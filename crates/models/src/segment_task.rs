//! One picture through a segmentation model: what a slot's thread does before and after the run.

use crate::tensor_rows::TensorRow;
use crate::{ClassMap, SegmentOptions, SegmentationModel};
use samovar_media::{Letterbox, Picture};
use samovar_runtime::{InputRow, OutputRow, Scratch, Task, TaskError};
use std::sync::Arc;

/// One picture on its way through a segmentation model.
pub(crate) struct SegmentTask {
    pub(crate) model: Arc<SegmentationModel>,
    pub(crate) picture: Picture,
    pub(crate) letterbox: Letterbox,
    pub(crate) options: SegmentOptions,
    pub(crate) row: TensorRow,
}

impl Task for SegmentTask {
    type Output = ClassMap;

    fn write(&mut self, row: &mut InputRow<'_>, scratch: &mut Scratch) -> Result<(), TaskError> {
        self.row.take(row, scratch);
        self.model.write(&self.picture, &self.letterbox, row, scratch)
    }

    fn read(&mut self, row: &OutputRow<'_>, scratch: &mut Scratch) -> Result<ClassMap, TaskError> {
        self.model.read(row, self.letterbox.source, &self.options, scratch)
    }
}
