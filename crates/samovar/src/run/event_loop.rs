//! Where the work of a command waits: one thread is enough, since slots compute on threads of their own.

use crate::failure::CliError;

/// Runs `work` to its end.
///
/// # Errors
/// Its own, and a system that gives no event loop.
pub fn block_on<T>(work: impl Future<Output = Result<T, CliError>>) -> Result<T, CliError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| CliError::new("internal", format!("the system gives no event loop: {error}")))?;
    let outcome = runtime.block_on(work);
    // A decoder that is still being opened when Ctrl-C comes must not hold the process.
    runtime.shutdown_background();
    outcome
}
