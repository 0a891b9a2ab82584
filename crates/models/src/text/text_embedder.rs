//! The way to vectors of texts: a handle to a model of the family `text-embedding`.

use super::rows_together::{RowOf, run_together};
use super::text_task::EmbedTask;
use super::tokenizing::tokenized;
use super::{EmbedOptions, TextEmbedding, TextEmbeddingModel, TextInput};
use crate::bound_family::bound_family;
use samovar_runtime::{Call, ModelHandle, RunError};
use std::sync::Arc;

/// Tells texts as vectors. Cheap to clone.
#[derive(Clone)]
pub struct TextEmbedder {
    handle: ModelHandle,
}

impl TextEmbedder {
    /// An embedder on that model. Whether the model is one is seen when it has loaded.
    pub const fn new(handle: ModelHandle) -> Self {
        Self { handle }
    }

    /// The model's handle.
    pub const fn handle(&self) -> &ModelHandle {
        &self.handle
    }

    /// The family of the generation that serves.
    ///
    /// # Errors
    /// `NotReady`; `Input` with the code `wrong_family` where the model embeds no texts.
    pub fn model(&self) -> Result<Arc<TextEmbeddingModel>, RunError> {
        bound_family(&*self.handle.generation()?, LACKS)
    }

    /// The vectors of these texts, in their order. Rows of similar length share runs, with those of other callers too. If one fails the
    /// request fails; dropping the future takes what has not started out of the queue.
    ///
    /// # Errors
    /// See [`TextError`](crate::TextError) for what is wrong with a text or an option, and whatever keeps the runtime from queueing and
    /// running.
    pub async fn embed(
        &self,
        texts: Vec<TextInput>,
        options: &EmbedOptions,
        call: Call,
    ) -> Result<Vec<TextEmbedding>, RunError> {
        let pinned = self.handle.pin()?;
        let model: Arc<TextEmbeddingModel> = bound_family(pinned.generation(), LACKS)?;
        let wanted = model.wanted(options)?;
        let (encoder, options) = (Arc::clone(&model), options.clone());
        let bytes = texts.iter().map(size_bytes).sum();
        let encodings = tokenized(texts, bytes, move |text| encoder.encode(text, &options)).await?;
        let row = |encoding| {
            let rows = model.body.rows(&encoding);
            RowOf { rows, task: EmbedTask { model: Arc::clone(&model), encoding, wanted } }
        };
        run_together(&pinned, encodings.into_iter().map(row).collect(), call).await
    }
}

const LACKS: &str = "embeds no texts";

fn size_bytes(text: &TextInput) -> usize {
    match text {
        TextInput::Text(text) => text.len(),
        TextInput::Tokens(_) => 0,
    }
}
