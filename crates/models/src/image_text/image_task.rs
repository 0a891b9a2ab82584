//! One picture through an image tower: what a slot's thread does before and after the run, for callers and for warm-up.

use crate::{Embedding, ImageTower};
use samovar_media::Picture;
use samovar_runtime::{InputRow, OutputRow, Scratch, Task, TaskError, WarmUpRow};
use std::sync::Arc;

/// One picture on its way through an image tower.
pub(crate) struct ImageTask {
    pub(crate) tower: Arc<ImageTower>,
    pub(crate) picture: Picture,
}

impl Task for ImageTask {
    type Output = Embedding;

    fn write(&mut self, row: &mut InputRow<'_>, scratch: &mut Scratch) -> Result<(), TaskError> {
        self.tower.write(&self.picture, row, scratch)
    }

    fn read(&mut self, row: &OutputRow<'_>, _scratch: &mut Scratch) -> Result<Embedding, TaskError> {
        self.tower.read(row)
    }
}

/// A vector without a direction is an error here as it is later.
impl WarmUpRow for ImageTask {
    fn write(&mut self, row: &mut InputRow<'_>, scratch: &mut Scratch) -> Result<(), TaskError> {
        Task::write(self, row, scratch)
    }

    fn read(&mut self, row: &OutputRow<'_>, scratch: &mut Scratch) -> Result<(), TaskError> {
        Task::read(self, row, scratch).map(drop)
    }
}
