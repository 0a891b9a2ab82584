//! The way to scores of pose sequences: a handle to a model of the family `stg-nf`.

use crate::bound_family::bound_family;
use crate::score_task::ScoreTask;
use crate::{PoseWindow, SequenceModel, WindowError};
use samovar_runtime::{Call, Generation, ModelHandle, Pending, RowShapes, RunError, RunErrorKind};
use std::sync::Arc;

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

    /// The family of the generation that serves.
    ///
    /// # Errors
    /// `NotReady`; `Input` with the code `wrong_family` where the model scores no sequences.
    pub fn model(&self) -> Result<Arc<SequenceModel>, RunError> {
        let generation = self.handle.generation()?;
        sequence_model(&generation)
    }

    /// Frames of a window: 24 for most models.
    ///
    /// # Errors
    /// `NotReady`; `Input` with the code `wrong_family` where the model scores no sequences.
    pub fn window_frames(&self) -> Result<usize, RunError> {
        Ok(self.model()?.window_frames())
    }

    /// Queues one window; await how unusual it is (bits per number for STG-NF, higher is more unusual). The score is always
    /// a finite number.
    ///
    /// # Errors
    /// A window of another length or with a value that is no number (`Input`, `invalid_window`), and whatever keeps the
    /// runtime from queueing.
    pub fn score(&self, window: PoseWindow, call: Call) -> Result<Pending<f32>, RunError> {
        let pinned = self.handle.pin()?;
        let (task, rows) = task(pinned.generation(), window)?;
        pinned.submit(task, rows, call)
    }

    /// The same, but waits for a place in the queue: for producers of jobs.
    ///
    /// # Errors
    /// As [`SequenceScorer::score`], but never `QueueFull`.
    pub async fn score_waiting(&self, window: PoseWindow, call: Call) -> Result<Pending<f32>, RunError> {
        let pinned = self.handle.pin_when_room(call.class).await?;
        let (task, rows) = task(pinned.generation(), window)?;
        pinned.submit_waiting(task, rows, call).await
    }
}

impl From<WindowError> for RunError {
    fn from(error: WindowError) -> Self {
        Self::new(RunErrorKind::Input { code: error.code() }, error.to_string())
    }
}

/// The task for one window and the rows it takes, both by the family of this generation.
fn task(generation: &Generation, window: PoseWindow) -> Result<(ScoreTask, RowShapes), RunError> {
    let model = sequence_model(generation)?;
    model.check(&window)?;
    let rows = model.rows();
    Ok((ScoreTask { model, window }, rows))
}

fn sequence_model(generation: &Generation) -> Result<Arc<SequenceModel>, RunError> {
    bound_family(generation, "scores no sequences of poses")
}
