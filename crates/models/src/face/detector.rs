//! The way to faces: a handle to a model that finds them.

use super::task::FaceTask;
use crate::bound_family::bound_family;
use crate::tensor_rows::TensorRow;
use crate::{FaceModel, FaceOptions, Faces};
use samovar_media::Picture;
use samovar_runtime::{Call, Generation, ModelHandle, Pending, RowShapes, RunError};
use std::sync::Arc;

/// Finds faces in pictures with one model. Cheap to clone.
#[derive(Clone)]
pub struct FaceDetector {
    handle: ModelHandle,
}

impl FaceDetector {
    /// A face detector on that model. Whether the model is one is seen when it has loaded.
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
    /// `NotReady`; `Input` with the code `wrong_family` where the model finds no faces.
    pub fn model(&self) -> Result<Arc<FaceModel>, RunError> {
        let generation = self.handle.generation()?;
        face_model(&generation)
    }

    /// Queues one picture; await the result. A compressed picture is decoded by the slot that takes it.
    ///
    /// # Errors
    /// Options out of bounds (`Input`, `invalid_option`), and whatever keeps the runtime from queueing.
    pub fn detect(&self, picture: Picture, options: FaceOptions, call: Call) -> Result<Pending<Faces>, RunError> {
        let pinned = self.handle.pin()?;
        let (task, rows) = task(pinned.generation(), picture, options)?;
        pinned.submit(task, rows, call)
    }

    /// The same, but waits for a place in the queue: for producers of jobs.
    ///
    /// # Errors
    /// As [`FaceDetector::detect`], but never `QueueFull`.
    pub async fn detect_waiting(
        &self,
        picture: Picture,
        options: FaceOptions,
        call: Call,
    ) -> Result<Pending<Faces>, RunError> {
        let pinned = self.handle.pin_when_room(call.class).await?;
        let (task, rows) = task(pinned.generation(), picture, options)?;
        pinned.submit_waiting(task, rows, call).await
    }
}

/// The task for one picture and the rows it takes, both by the family of this generation.
fn task(generation: &Generation, picture: Picture, options: FaceOptions) -> Result<(FaceTask, RowShapes), RunError> {
    let model = face_model(generation)?;
    options.validate()?;
    let letterbox = model.letterbox_for(picture.size());
    let rows = model.rows(letterbox.target);
    Ok((FaceTask { model, picture, letterbox, options, row: TensorRow::default() }, rows))
}

fn face_model(generation: &Generation) -> Result<Arc<FaceModel>, RunError> {
    bound_family(generation, "finds no faces")
}
