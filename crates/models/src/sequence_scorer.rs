//! The way to scores of pose sequences: a handle to a model of the family `stg-nf`.

use crate::PoseWindow;
use samovar_runtime::{Call, ModelHandle, Pending, RunError};

/// Tells how unusual a person's movement is. Cheap to clone.
#[derive(Clone)]
pub struct SequenceScorer {
    handle: ModelHandle,
}

impl SequenceScorer {
    /// A scorer on that model. Whether the model is one is seen when it has loaded.
    pub const fn new(handle: ModelHandle) -> Self {
        Self { handle }
    }

    /// The model's handle.
    pub const fn handle(&self) -> &ModelHandle {
        &self.handle
    }

    /// Frames of a window: 24 for most models.
    ///
    /// # Errors
    /// `NotReady`; `Input` with the code `wrong_family` where the model scores no sequences.
    pub fn window_frames(&self) -> Result<usize, RunError> {
        Err(RunError::new(samovar_runtime::RunErrorKind::Internal, "sequence models come"))
    }

    /// Queues one window; await how unusual it is (bits per number for STG-NF, higher is more unusual).
    ///
    /// # Errors
    /// A window of another length (`Input`), and whatever keeps the runtime from queueing.
    pub fn score(&self, _window: PoseWindow, _call: Call) -> Result<Pending<f32>, RunError> {
        Err(RunError::new(samovar_runtime::RunErrorKind::Internal, "sequence models come"))
    }

    /// The same, but waits for a place in the queue: for producers of jobs.
    ///
    /// # Errors
    /// As [`SequenceScorer::score`], but never `QueueFull`.
    pub async fn score_waiting(&self, _window: PoseWindow, _call: Call) -> Result<Pending<f32>, RunError> {
        Err(RunError::new(samovar_runtime::RunErrorKind::Internal, "sequence models come"))
    }
}
