//! The way to class maps: a handle to a model that is a segmentation model.

use crate::bound_family::bound_family;
use crate::segment_task::SegmentTask;
use crate::tensor_rows::TensorRow;
use crate::{ClassMap, SegmentOptions, SegmentationModel};
use samovar_media::Picture;
use samovar_runtime::{Call, Generation, ModelHandle, Pending, RowShapes, RunError};
use std::sync::Arc;

/// Tells the class of every pixel of pictures with one model. Cheap to clone.
#[derive(Clone)]
pub struct Segmenter {
    handle: ModelHandle,
}

impl Segmenter {
    /// A segmenter on that model. Whether the model is one is seen when it has loaded.
    pub const fn new(handle: ModelHandle) -> Self {
        Self { handle }
    }

    /// The model's handle.
    pub const fn handle(&self) -> &ModelHandle {
        &self.handle
    }

    /// The family of the generation that serves: its labels and sizes.
    ///
    /// # Errors
    /// `NotReady`; `Input` with the code `wrong_family` where the model tells no classes of pixels.
    pub fn model(&self) -> Result<Arc<SegmentationModel>, RunError> {
        let generation = self.handle.generation()?;
        segmentation_model(&generation)
    }

    /// Queues one picture; await the result. A compressed picture is decoded by the slot that takes it.
    ///
    /// # Errors
    /// Whatever keeps the runtime from queueing: `NotReady`, `QueueFull`, `DeadlineExceeded`, `ShuttingDown`; `wrong_family`.
    pub fn segment(
        &self,
        picture: Picture,
        options: SegmentOptions,
        call: Call,
    ) -> Result<Pending<ClassMap>, RunError> {
        let pinned = self.handle.pin()?;
        let (task, rows) = task(pinned.generation(), picture, options)?;
        pinned.submit(task, rows, call)
    }

    /// The same, but waits for a place in the queue: for producers of jobs.
    ///
    /// # Errors
    /// As [`Segmenter::segment`], but never `QueueFull`.
    pub async fn segment_waiting(
        &self,
        picture: Picture,
        options: SegmentOptions,
        call: Call,
    ) -> Result<Pending<ClassMap>, RunError> {
        let pinned = self.handle.pin()?;
        let (task, rows) = task(pinned.generation(), picture, options)?;
        pinned.submit_waiting(task, rows, call).await
    }
}

/// The task for one picture and the rows it takes, both by the family of this generation.
fn task(
    generation: &Generation,
    picture: Picture,
    options: SegmentOptions,
) -> Result<(SegmentTask, RowShapes), RunError> {
    let model = segmentation_model(generation)?;
    let letterbox = model.letterbox_for(picture.size());
    let rows = model.rows(letterbox.target);
    Ok((SegmentTask { model, picture, letterbox, options, row: TensorRow::default() }, rows))
}

fn segmentation_model(generation: &Generation) -> Result<Arc<SegmentationModel>, RunError> {
    bound_family(generation, "tells no classes of pixels")
}
