//! The way to poses: a handle to a model that is a pose model.

use crate::bound_family::{bound_family, wrong_family};
use crate::pose_task::PoseTask;
use crate::tensor_rows::TensorRow;
use crate::{DetectOptions, DetectionModel, Poses};
use samovar_media::Picture;
use samovar_runtime::{Call, Generation, ModelHandle, Pending, RowShapes, RunError};
use std::sync::Arc;

/// Finds people and their key points in pictures with one model. Cheap to clone.
#[derive(Clone)]
pub struct PoseEstimator {
    handle: ModelHandle,
}

impl PoseEstimator {
    /// A pose estimator on that model. Whether the model is one is seen when it has loaded.
    pub const fn new(handle: ModelHandle) -> Self {
        Self { handle }
    }

    /// The model's handle.
    pub const fn handle(&self) -> &ModelHandle {
        &self.handle
    }

    /// The family of the generation that serves: its labels, sizes, defaults and number of key points.
    ///
    /// # Errors
    /// `NotReady`; `Input` with the code `wrong_family` where the model finds no key points.
    pub fn model(&self) -> Result<Arc<DetectionModel>, RunError> {
        let generation = self.handle.generation()?;
        pose_model(&generation)
    }

    /// Queues one picture; await the result. A compressed picture is decoded by the slot that takes it.
    ///
    /// # Errors
    /// Options out of bounds (`Input`), and whatever keeps the runtime from queueing.
    pub fn estimate(&self, picture: Picture, options: DetectOptions, call: Call) -> Result<Pending<Poses>, RunError> {
        let pinned = self.handle.pin()?;
        let (task, rows) = task(pinned.generation(), picture, options)?;
        pinned.submit(task, rows, call)
    }

    /// The same, but waits for a place in the queue: for producers of jobs.
    ///
    /// # Errors
    /// As [`PoseEstimator::estimate`], but never `QueueFull`.
    pub async fn estimate_waiting(
        &self,
        picture: Picture,
        options: DetectOptions,
        call: Call,
    ) -> Result<Pending<Poses>, RunError> {
        let pinned = self.handle.pin_when_room(call.class).await?;
        let (task, rows) = task(pinned.generation(), picture, options)?;
        pinned.submit_waiting(task, rows, call).await
    }
}

/// The task for one picture and the rows it takes, both by the family of this generation.
fn task(generation: &Generation, picture: Picture, options: DetectOptions) -> Result<(PoseTask, RowShapes), RunError> {
    let model = pose_model(generation)?;
    model.check(&options)?;
    let letterbox = model.letterbox_for(picture.size());
    let rows = model.rows(letterbox.target);
    Ok((PoseTask { model, picture, letterbox, options, row: TensorRow::default() }, rows))
}

/// A detector is of the same type; only one that gives key points is a pose model.
fn pose_model(generation: &Generation) -> Result<Arc<DetectionModel>, RunError> {
    let model: Arc<DetectionModel> = bound_family(generation, LACKS)?;
    if model.keypoint_count().is_some() { Ok(model) } else { Err(wrong_family(generation, LACKS)) }
}

const LACKS: &str = "finds no key points";
