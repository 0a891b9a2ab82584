//! The way from texts to their vectors: a handle to a text tower.

use super::caption_task::CaptionTask;
use crate::bound_family::bound_family;
use crate::text::{RowOf, run_together, tokenized};
use crate::{Embedding, TextTower};
use samovar_runtime::{Call, ModelHandle, RunError};
use std::sync::Arc;

/// Turns texts into vectors that can be compared with those of pictures. Cheap to clone.
#[derive(Clone)]
pub struct CaptionEncoder {
    handle: ModelHandle,
}

impl CaptionEncoder {
    /// An encoder on that model. Whether the model is a text tower is seen when it has loaded.
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
    /// `NotReady`; `Input` with the code `wrong_family` where the model is no text tower.
    pub fn model(&self) -> Result<Arc<TextTower>, RunError> {
        bound_family(&*self.handle.generation()?, LACKS)
    }

    /// The vectors of `texts`, in their order; what is longer than [`TextTower::tokens_max`] is cut at its end, as the reference
    /// does. All run on the same generation and share runs with those of others. If one fails the request fails; dropping the
    /// future takes what has not started out of the queue.
    ///
    /// # Errors
    /// A text that the tokenizer cannot read (see [`TextError`](crate::TextError)), and whatever keeps the runtime from queueing and
    /// running.
    pub async fn encode(&self, texts: Vec<String>, call: Call) -> Result<Vec<Embedding>, RunError> {
        let pinned = self.handle.pin()?;
        let tower: Arc<TextTower> = bound_family(pinned.generation(), LACKS)?;
        let bytes = texts.iter().map(String::len).sum();
        let reader = Arc::clone(&tower);
        let encodings = tokenized(texts, bytes, move |text| reader.encode(text)).await?;
        let row = |encoding| {
            let caption = tower.caption(encoding);
            let rows = tower.rows(caption.ids.len());
            RowOf { rows, task: CaptionTask { tower: Arc::clone(&tower), caption } }
        };
        run_together(&pinned, encodings.into_iter().map(row).collect(), call).await
    }
}

const LACKS: &str = "turns no texts into vectors of pictures and texts, or is the tower for pictures";
