//! The time of one request: its model is waited for and its result taken, both within one deadline.

use crate::error::ApiError;
use samovar_runtime::{Completed, ModelHandle, Pending, RunError, RunErrorKind};
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// Waits for the model where it is not ready; its load goes on if this caller gives up.
pub(crate) async fn open_by(model: &ModelHandle, deadline: Instant) -> Result<(), ApiError> {
    if model.generation().is_ok() {
        return Ok(());
    }
    match timeout_at(deadline, model.open()).await {
        Ok(opened) => Ok(opened.map(drop)?),
        Err(_) => Err(still_loading().into()),
    }
}

/// The result, if it comes in time. Giving up cancels work that has not begun.
pub(crate) async fn result_by<T>(pending: Pending<T>, deadline: Instant) -> Result<Completed<T>, ApiError> {
    let late = || RunError::new(RunErrorKind::DeadlineExceeded, "the result was not there in time");
    Ok(timeout_at(deadline, pending).await.map_err(|_| late())??)
}

/// What is told when a wait for a model is given up.
pub(crate) fn still_loading() -> RunError {
    let kind = RunErrorKind::NotReady { retry_after: Duration::from_secs(1) };
    RunError::new(kind, "the model is still being loaded")
}
