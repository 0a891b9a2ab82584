//! One text through a text tower: what a slot's thread does before and after the run, for callers and for warm-up.

use crate::{Embedding, TextTower};
use samovar_runtime::{InputRow, OutputRow, Scratch, Task, TaskError, WarmUpRow};
use std::sync::Arc;

/// One text on its way through a text tower.
pub(crate) struct CaptionTask {
    pub(crate) tower: Arc<TextTower>,
    pub(crate) caption: Caption,
}

/// A text as the tower takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Caption {
    /// One for each token, padded to the length of its row.
    pub(crate) ids: Vec<u32>,
    /// Those of them that are not padding, as a range of `ids`.
    pub(crate) tokens: std::ops::Range<usize>,
}

impl Task for CaptionTask {
    type Output = Embedding;

    fn write(&mut self, row: &mut InputRow<'_>, _scratch: &mut Scratch) -> Result<(), TaskError> {
        self.tower.write(&self.caption, row)
    }

    fn read(&mut self, row: &OutputRow<'_>, _scratch: &mut Scratch) -> Result<Embedding, TaskError> {
        self.tower.read(row)
    }
}

/// A vector without a direction is an error here as it is later.
impl WarmUpRow for CaptionTask {
    fn write(&mut self, row: &mut InputRow<'_>, scratch: &mut Scratch) -> Result<(), TaskError> {
        Task::write(self, row, scratch)
    }

    fn read(&mut self, row: &OutputRow<'_>, scratch: &mut Scratch) -> Result<(), TaskError> {
        Task::read(self, row, scratch).map(drop)
    }
}
