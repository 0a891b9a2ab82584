//! One picture through a detector: what a slot's thread does before and after the run.

use crate::{DetectOptions, DetectionModel, Detections};
use samovar_media::{Letterbox, Picture};
use samovar_runtime::{InputRow, OutputRow, Scratch, Task, TaskError};
use std::sync::Arc;

/// One picture on its way through a detector.
pub(crate) struct DetectTask {
    pub(crate) model: Arc<DetectionModel>,
    pub(crate) picture: Picture,
    pub(crate) letterbox: Letterbox,
    pub(crate) options: DetectOptions,
}

impl Task for DetectTask {
    type Output = Detections;

    fn write(&mut self, row: &mut InputRow<'_>, scratch: &mut Scratch) -> Result<(), TaskError> {
        self.model.write(&self.picture, &self.letterbox, row, scratch)
    }

    fn read(&mut self, row: &OutputRow<'_>, scratch: &mut Scratch) -> Result<Detections, TaskError> {
        self.model.read(row, &self.letterbox, &self.options, scratch)
    }
}
