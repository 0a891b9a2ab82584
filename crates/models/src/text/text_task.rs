//! One text through a model: what a slot's thread does before and after the run.

use super::text_embedding_model::Wanted;
use super::{CrossEncoderModel, Encoding, Scored, TextEmbedding, TextEmbeddingModel};
use samovar_runtime::{InputRow, OutputRow, Scratch, Task, TaskError};
use std::sync::Arc;

/// One text on its way to its vectors.
pub(crate) struct EmbedTask {
    pub(crate) model: Arc<TextEmbeddingModel>,
    pub(crate) encoding: Encoding,
    pub(crate) wanted: Wanted,
}

impl Task for EmbedTask {
    type Output = TextEmbedding;

    fn write(&mut self, row: &mut InputRow<'_>, _scratch: &mut Scratch) -> Result<(), TaskError> {
        self.model.body.write(&self.encoding, row)
    }

    fn read(&mut self, row: &OutputRow<'_>, _scratch: &mut Scratch) -> Result<TextEmbedding, TaskError> {
        self.model.read(&self.encoding, self.wanted, row)
    }
}

/// One pair of texts on its way to its score.
pub(crate) struct PairTask {
    pub(crate) model: Arc<CrossEncoderModel>,
    pub(crate) encoding: Encoding,
}

impl Task for PairTask {
    type Output = Scored;

    fn write(&mut self, row: &mut InputRow<'_>, _scratch: &mut Scratch) -> Result<(), TaskError> {
        self.model.body.write(&self.encoding, row)
    }

    fn read(&mut self, row: &OutputRow<'_>, _scratch: &mut Scratch) -> Result<Scored, TaskError> {
        self.model.read(&self.encoding, row)
    }
}
