//! The way from a picture to its vector: a handle to an image tower.

use super::image_task::ImageTask;
use crate::bound_family::bound_family;
use crate::{Embedding, ImageTower};
use samovar_media::Picture;
use samovar_runtime::{Call, Generation, ModelHandle, Pending, RowShapes, RunError};
use std::sync::Arc;

/// Turns pictures into vectors that can be compared with those of texts. Cheap to clone.
#[derive(Clone)]
pub struct ImageEncoder {
    handle: ModelHandle,
}

impl ImageEncoder {
    /// An encoder on that model. Whether the model is an image tower is seen when it has loaded.
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
    /// `NotReady`; `Input` with the code `wrong_family` where the model takes no pictures or gives no vectors.
    pub fn model(&self) -> Result<Arc<ImageTower>, RunError> {
        let generation = self.handle.generation()?;
        image_tower(&generation)
    }

    /// Queues one picture; await its vector. Pictures have any size and orientation.
    ///
    /// # Errors
    /// Whatever keeps the runtime from queueing.
    pub fn encode(&self, picture: Picture, call: Call) -> Result<Pending<Embedding>, RunError> {
        let pinned = self.handle.pin()?;
        let (task, rows) = task(pinned.generation(), picture)?;
        pinned.submit(task, rows, call)
    }

    /// The same, but waits for a place in the queue: for producers of jobs.
    ///
    /// # Errors
    /// As [`ImageEncoder::encode`], but never `QueueFull`.
    pub async fn encode_waiting(&self, picture: Picture, call: Call) -> Result<Pending<Embedding>, RunError> {
        let pinned = self.handle.pin_when_room(call.class).await?;
        let (task, rows) = task(pinned.generation(), picture)?;
        pinned.submit_waiting(task, rows, call).await
    }
}

/// The task for one picture and the rows it takes, both by the family of this generation.
fn task(generation: &Generation, picture: Picture) -> Result<(ImageTask, RowShapes), RunError> {
    let tower = image_tower(generation)?;
    let rows = tower.rows();
    Ok((ImageTask { tower, picture }, rows))
}

fn image_tower(generation: &Generation) -> Result<Arc<ImageTower>, RunError> {
    bound_family(generation, "turns no pictures into vectors of pictures and texts, or is the tower for texts")
}
