//! The way to appearances: a handle to a model of the family `re-identification`.

use crate::appearance_task::AppearanceTask;
use crate::bound_family::bound_family;
use crate::{Appearance, AppearanceModel, BoundingBox};
use samovar_media::{Crop, Picture};
use samovar_runtime::{Call, Generation, ModelHandle, Pending, RowShapes, RunError, RunErrorKind};
use std::sync::Arc;

/// Tells how the people in boxes look. Cheap to clone.
#[derive(Clone)]
pub struct AppearanceEncoder {
    handle: ModelHandle,
}

impl AppearanceEncoder {
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
    /// `NotReady`; `Input` with the code `wrong_family` where the model tells no appearances.
    pub fn model(&self) -> Result<Arc<AppearanceModel>, RunError> {
        let generation = self.handle.generation()?;
        appearance_model(&generation)
    }

    /// Queues one box of a picture; await how who is in it looks. Give a decoded picture where several boxes lie in it: a
    /// compressed one is decoded for each.
    ///
    /// # Errors
    /// A box without a pixel in the picture (`Input`, `invalid_box`), and whatever keeps the runtime from queueing.
    pub fn encode(&self, picture: Picture, bbox: BoundingBox, call: Call) -> Result<Pending<Appearance>, RunError> {
        let pinned = self.handle.pin()?;
        let (task, rows) = task(pinned.generation(), picture, &bbox)?;
        pinned.submit(task, rows, call)
    }

    /// The same, but waits for a place in the queue: for producers of jobs.
    ///
    /// # Errors
    /// As [`AppearanceEncoder::encode`], but never `QueueFull`.
    pub async fn encode_waiting(
        &self,
        picture: Picture,
        bbox: BoundingBox,
        call: Call,
    ) -> Result<Pending<Appearance>, RunError> {
        let pinned = self.handle.pin_when_room(call.class).await?;
        let (task, rows) = task(pinned.generation(), picture, &bbox)?;
        pinned.submit_waiting(task, rows, call).await
    }
}

/// The task for one box and the rows it takes, both by the family of this generation.
fn task(
    generation: &Generation,
    picture: Picture,
    bbox: &BoundingBox,
) -> Result<(AppearanceTask, RowShapes), RunError> {
    let model = appearance_model(generation)?;
    let crop = Crop::around(bbox.corners(), picture.size()).ok_or_else(|| {
        let message = "the box has no pixel in the picture";
        RunError::new(RunErrorKind::Input { code: "invalid_box" }, message)
    })?;
    let rows = model.rows();
    Ok((AppearanceTask { model, picture, crop }, rows))
}

fn appearance_model(generation: &Generation) -> Result<Arc<AppearanceModel>, RunError> {
    bound_family(generation, "tells no appearances")
}
