//! One picture through a detector: what a slot's thread does before and after the run.

use crate::tensor_rows::TensorRow;
use crate::{DetectOptions, DetectionModel, DetectionPool, Detections};
use samovar_media::{Letterbox, Picture};
use samovar_runtime::{InputRow, OutputRow, Scratch, Task, TaskError};
use std::sync::Arc;

/// One picture on its way through a detector.
pub(crate) struct DetectTask {
    pub(crate) model: Arc<DetectionModel>,
    pub(crate) picture: Picture,
    pub(crate) letterbox: Letterbox,
    pub(crate) options: DetectOptions,
    /// Where its list of detections comes from; none for a new one.
    pub(crate) lists: Option<DetectionPool>,
    pub(crate) row: TensorRow,
}

impl Task for DetectTask {
    type Output = Detections;

    fn write(&mut self, row: &mut InputRow<'_>, scratch: &mut Scratch) -> Result<(), TaskError> {
        self.row.take(row, scratch);
        self.model.write(&self.picture, &self.letterbox, row, scratch)
    }

    fn read(&mut self, row: &OutputRow<'_>, scratch: &mut Scratch) -> Result<Detections, TaskError> {
        let items = self.lists.as_ref().map(DetectionPool::take).unwrap_or_default();
        let found = self.model.read(items, row, (&self.letterbox, &self.options), scratch);
        self.row.give();
        found
    }
}
