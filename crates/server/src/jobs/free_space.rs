//! Whether there is room on the disk: asked before anything is accepted and while it comes.

use crate::error::{ApiError, Refusal};
use samovar_jobs::JobErrorKind;
use std::io;
use std::path::{Path, PathBuf};

/// Refuses where less than `least` would be left free after `more` bytes.
///
/// # Errors
/// `storage_full`; `storage_failed` where the system does not tell.
pub(super) async fn check(folder: PathBuf, least: u64, more: u64) -> Result<(), ApiError> {
    // A folder on a network may take its time.
    let free = tokio::task::spawn_blocking(move || free_bytes(&folder)).await.map_err(|_| ApiError::internal())?;
    let free = free.map_err(|error| write_error(&error))?;
    if free >= least.saturating_add(more) { Ok(()) } else { Err(storage_full()) }
}

/// What a client is told when something could not be written.
pub(super) fn write_error(error: &io::Error) -> ApiError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => storage_full(),
        _ => {
            tracing::error!(%error, "the folder of jobs cannot be used");
            ApiError::new(Refusal::Job(JobErrorKind::Storage), "the server cannot write what belongs to the job")
        }
    }
}

fn storage_full() -> ApiError {
    ApiError::new(Refusal::Job(JobErrorKind::StorageFull), "the disk of the server is full; nothing was accepted")
}

/// Bytes that this user may still write.
fn free_bytes(folder: &Path) -> io::Result<u64> {
    let disk = rustix::fs::statvfs(folder)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}
