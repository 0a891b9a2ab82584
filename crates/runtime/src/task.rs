//! One row's worth of work: what a family does before and after the engine runs.

use crate::{InputRow, OutputRow, Scratch};
use samovar_engine_api::EngineError;

/// Work on one row of a batch, done by a slot's own thread.
///
/// `write` may be called again when another row of the same batch turned out to be unusable, so it must not consume
/// what it writes from. A panic in either function costs this task alone.
pub trait Task: Send + 'static {
    /// What the caller gets.
    type Output: Send + 'static;

    /// Decodes, resizes and normalises straight into this task's row of every input.
    ///
    /// # Errors
    /// An input that cannot be used; the batch goes on without it.
    fn write(&mut self, row: &mut InputRow<'_>, scratch: &mut Scratch) -> Result<(), TaskError>;

    /// Reads this task's row of the outputs in place.
    ///
    /// # Errors
    /// Outputs that make no sense for this family.
    fn read(&mut self, row: &OutputRow<'_>, scratch: &mut Scratch) -> Result<Self::Output, TaskError>;

    /// Whether writing and reading take some microseconds at most, whatever was sent: where the run is as quick, the caller's event
    /// loop may do all of it.
    fn is_light(&self) -> bool {
        false
    }
}

/// A row that could not be written or read. The message may reach a client.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct TaskError {
    pub(crate) code: Option<&'static str>,
    pub(crate) message: String,
}

impl TaskError {
    /// The caller's input is at fault; `code` is stable.
    pub fn input(code: &'static str, message: impl Into<String>) -> Self {
        Self { code: Some(code), message: message.into() }
    }

    /// The model or the code is at fault.
    pub fn internal(message: impl Into<String>) -> Self {
        Self { code: None, message: message.into() }
    }
}

impl From<EngineError> for TaskError {
    fn from(error: EngineError) -> Self {
        tracing::error!(%error, "a tensor was not what the family bound itself to");
        Self::internal("the model's tensors are not what its family expects")
    }
}
