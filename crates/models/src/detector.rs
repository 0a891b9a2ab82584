//! The way to detections: a handle to a model that is a detector.

use crate::bound_family::bound_family;
use crate::detect_task::DetectTask;
use crate::tensor_rows::TensorRow;
use crate::{DetectOptions, DetectionModel, DetectionPool, Detections, OptionsError};
use samovar_media::Picture;
use samovar_runtime::{Call, Generation, ModelHandle, Pending, RowShapes, RunError, RunErrorKind};
use std::sync::Arc;

/// Detects objects in pictures with one model. Cheap to clone.
#[derive(Clone)]
pub struct Detector {
    handle: ModelHandle,
    lists: Option<DetectionPool>,
}

impl Detector {
    /// A detector on that model. Whether the model is one is seen when it has loaded.
    pub const fn new(handle: ModelHandle) -> Self {
        Self { handle, lists: None }
    }

    /// The same detector, whose detections come in lists of that pool.
    #[must_use]
    pub fn with_lists(self, lists: DetectionPool) -> Self {
        Self { lists: Some(lists), ..self }
    }

    /// The model's handle.
    pub const fn handle(&self) -> &ModelHandle {
        &self.handle
    }

    /// The family of the generation that serves: its labels, sizes and defaults.
    ///
    /// # Errors
    /// `NotReady`; `Input` with the code `wrong_family` where the model is no detector.
    pub fn model(&self) -> Result<Arc<DetectionModel>, RunError> {
        let generation = self.handle.generation()?;
        detection_model(&generation)
    }

    /// Queues one picture; await the result. A compressed picture is decoded by the slot that takes it.
    ///
    /// # Errors
    /// Options out of bounds (`Input`), and whatever keeps the runtime from queueing: `NotReady`, `QueueFull`,
    /// `DeadlineExceeded`, `ShuttingDown`.
    pub fn detect(
        &self,
        picture: Picture,
        options: DetectOptions,
        call: Call,
    ) -> Result<Pending<Detections>, RunError> {
        let pinned = self.handle.pin()?;
        let (task, rows) = self.task(pinned.generation(), picture, options)?;
        pinned.submit(task, rows, call)
    }

    /// The same, but waits for a place in the queue: for producers of jobs.
    ///
    /// # Errors
    /// As [`Detector::detect`], but never `QueueFull`.
    pub async fn detect_waiting(
        &self,
        picture: Picture,
        options: DetectOptions,
        call: Call,
    ) -> Result<Pending<Detections>, RunError> {
        let pinned = self.handle.pin_when_room(call.class).await?;
        let (task, rows) = self.task(pinned.generation(), picture, options)?;
        pinned.submit_waiting(task, rows, call).await
    }

    /// The task for one picture and the rows it takes, both by the family of this generation.
    fn task(
        &self,
        generation: &Generation,
        picture: Picture,
        options: DetectOptions,
    ) -> Result<(DetectTask, RowShapes), RunError> {
        let model = detection_model(generation)?;
        model.check(&options)?;
        let source = picture.size();
        let size = model.size_for(source);
        let (rows, letterbox) = (model.rows(size), model.letterbox(source, size));
        let (lists, row) = (self.lists.clone(), TensorRow::default());
        Ok((DetectTask { model, picture, letterbox, options, lists, row }, rows))
    }
}

impl From<OptionsError> for RunError {
    fn from(error: OptionsError) -> Self {
        Self::new(RunErrorKind::Input { code: error.code() }, error.to_string())
    }
}

fn detection_model(generation: &Generation) -> Result<Arc<DetectionModel>, RunError> {
    bound_family(generation, "detects nothing")
}
