//! The way to who a face is: a handle to a model of the family `face-embedding`.

use super::alignment::alignment;
use super::embedding_task::FaceEmbeddingTask;
use crate::bound_family::bound_family;
use crate::{Appearance, FaceEmbeddingModel, Landmarks};
use samovar_media::Picture;
use samovar_runtime::{Call, Generation, ModelHandle, Pending, RowShapes, RunError, RunErrorKind};
use std::sync::Arc;

/// Tells who faces are, as vectors. Cheap to clone.
#[derive(Clone)]
pub struct FaceEncoder {
    handle: ModelHandle,
}

impl FaceEncoder {
    /// An encoder on that model. Whether the model is one is seen when it has loaded.
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
    /// `NotReady`; `Input` with the code `wrong_family` where the model knows no faces.
    pub fn model(&self) -> Result<Arc<FaceEmbeddingModel>, RunError> {
        let generation = self.handle.generation()?;
        embedding_model(&generation)
    }

    /// Queues the face of these landmarks; await its vector, of length 1. Give a decoded picture where several faces lie in it: a
    /// compressed one is decoded for each.
    ///
    /// # Errors
    /// Landmarks that tell no direction (`Input`, `invalid_landmarks`), and whatever keeps the runtime from queueing.
    pub fn encode(&self, picture: Picture, landmarks: &Landmarks, call: Call) -> Result<Pending<Appearance>, RunError> {
        let pinned = self.handle.pin()?;
        let (task, rows) = task(pinned.generation(), picture, landmarks)?;
        pinned.submit(task, rows, call)
    }

    /// The same, but waits for a place in the queue: for producers of jobs.
    ///
    /// # Errors
    /// As [`FaceEncoder::encode`], but never `QueueFull`.
    pub async fn encode_waiting(
        &self,
        picture: Picture,
        landmarks: &Landmarks,
        call: Call,
    ) -> Result<Pending<Appearance>, RunError> {
        let pinned = self.handle.pin_when_room(call.class).await?;
        let (task, rows) = task(pinned.generation(), picture, landmarks)?;
        pinned.submit_waiting(task, rows, call).await
    }
}

/// The task for one face and the rows it takes, both by the family of this generation.
fn task(
    generation: &Generation,
    picture: Picture,
    landmarks: &Landmarks,
) -> Result<(FaceEmbeddingTask, RowShapes), RunError> {
    let model = embedding_model(generation)?;
    let crop = alignment(landmarks, model.input_side()).ok_or_else(|| {
        let message = "the landmarks are not those of a face: they are no numbers or lie in one place";
        RunError::new(RunErrorKind::Input { code: "invalid_landmarks" }, message)
    })?;
    let rows = model.rows();
    Ok((FaceEmbeddingTask { model, picture, crop }, rows))
}

fn embedding_model(generation: &Generation) -> Result<Arc<FaceEmbeddingModel>, RunError> {
    bound_family(generation, "knows no faces")
}
