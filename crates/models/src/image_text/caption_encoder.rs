//! The way from texts to their vectors: a handle to a text tower.

use super::caption_task::CaptionTask;
use crate::bound_family::bound_family;
use crate::{Embedding, TextTower};
use samovar_runtime::{Call, Generation, ModelHandle, PinnedModel, RunError, RunErrorKind};
use std::sync::Arc;
use std::time::Duration;

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
        let generation = self.handle.generation()?;
        text_tower(&generation)
    }

    /// The vectors of `texts`, in their order; what is longer than [`TextTower::tokens_max`] is cut, as the reference does. All
    /// are queued at once, by the same generation, and share runs with others. Where the queue is full after the first of them,
    /// the rest waits for places.
    ///
    /// # Errors
    /// A text that has no tokens for this model (`Input`, `invalid_text`), and whatever keeps the runtime from queueing or running.
    pub async fn encode(&self, texts: Vec<String>, call: Call) -> Result<Vec<Embedding>, RunError> {
        let mut pending = Vec::with_capacity(texts.len());
        for (pinned, text) in self.pin_each(texts.len())?.into_iter().zip(texts) {
            let tower = text_tower(pinned.generation())?;
            let caption = tower.caption(&text)?;
            let rows = tower.rows(caption.ids.len());
            let task = CaptionTask { tower, caption };
            pending.push(match pending.is_empty() {
                true => pinned.submit(task, rows, call)?,
                false => pinned.submit_waiting(task, rows, call).await?,
            });
        }
        let mut embeddings = Vec::with_capacity(pending.len());
        for pending in pending {
            embeddings.push(pending.await?.output);
        }
        Ok(embeddings)
    }

    /// A hold for each text, all on one generation: vectors of two checkpoints cannot be compared.
    fn pin_each(&self, count: usize) -> Result<Vec<PinnedModel>, RunError> {
        const TRIES: usize = 8;
        for _ in 0..TRIES {
            let pins = (0..count).map(|_| self.handle.pin()).collect::<Result<Vec<_>, _>>()?;
            if pins.windows(2).all(|pair| Arc::ptr_eq(pair[0].generation(), pair[1].generation())) {
                return Ok(pins);
            }
        }
        let kind = RunErrorKind::NotReady { retry_after: Duration::from_secs(1) };
        Err(RunError::new(kind, "the model is being replaced; ask again"))
    }
}

fn text_tower(generation: &Generation) -> Result<Arc<TextTower>, RunError> {
    bound_family(generation, "turns no texts into vectors of pictures and texts, or is the tower for pictures")
}
