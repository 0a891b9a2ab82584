//! One box of a picture through a re-identification model: what a slot's thread does before and after the run.

use crate::{Appearance, AppearanceModel};
use samovar_media::{Crop, Picture};
use samovar_runtime::{InputRow, OutputRow, Scratch, Task, TaskError};
use std::sync::Arc;

/// One crop on its way through a re-identification model.
pub(crate) struct AppearanceTask {
    pub(crate) model: Arc<AppearanceModel>,
    pub(crate) picture: Picture,
    pub(crate) crop: Crop,
}

impl Task for AppearanceTask {
    type Output = Appearance;

    fn write(&mut self, row: &mut InputRow<'_>, scratch: &mut Scratch) -> Result<(), TaskError> {
        self.model.write(&self.picture, self.crop, row, scratch)
    }

    fn read(&mut self, row: &OutputRow<'_>, _scratch: &mut Scratch) -> Result<Appearance, TaskError> {
        self.model.read(row)
    }
}
