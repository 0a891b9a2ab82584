//! The way to poses: a handle to a model that is a pose model.

use crate::{DetectOptions, DetectionModel, Poses};
use samovar_media::Picture;
use samovar_runtime::{Call, ModelHandle, Pending, RunError};
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
        Err(RunError::new(samovar_runtime::RunErrorKind::Internal, "pose models come"))
    }

    /// Queues one picture; await the result. A compressed picture is decoded by the slot that takes it.
    ///
    /// # Errors
    /// Options out of bounds (`Input`), and whatever keeps the runtime from queueing.
    pub fn estimate(
        &self,
        _picture: Picture,
        _options: DetectOptions,
        _call: Call,
    ) -> Result<Pending<Poses>, RunError> {
        Err(RunError::new(samovar_runtime::RunErrorKind::Internal, "pose models come"))
    }

    /// The same, but waits for a place in the queue: for producers of jobs.
    ///
    /// # Errors
    /// As [`PoseEstimator::estimate`], but never `QueueFull`.
    pub async fn estimate_waiting(
        &self,
        _picture: Picture,
        _options: DetectOptions,
        _call: Call,
    ) -> Result<Pending<Poses>, RunError> {
        Err(RunError::new(samovar_runtime::RunErrorKind::Internal, "pose models come"))
    }
}
