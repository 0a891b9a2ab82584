//! Results on their way out of journals: a bounded number at once, each made once and kept beside its journal.

use super::free_space::write_error;
use crate::error::{ApiError, Refusal};
use crate::random_id::RandomId;
use samovar_jobs::JobErrorKind;
use samovar_recorded::{Export, RecordedError, RecordedErrorKind, WorkFolder, export};
use samovar_runtime::{RunError, RunErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// Results on their way out of journals.
pub(crate) struct Exports {
    places: Arc<Semaphore>,
}

impl Exports {
    pub(super) fn new(max: usize) -> Self {
        Self { places: Arc::new(Semaphore::new(max.max(1))) }
    }

    /// The file with the result in that form; made now where there is none yet. `journal` lies in the folder.
    ///
    /// # Errors
    /// `queue_full` where no place comes free in time; `job_not_found` where the job was forgotten meanwhile; those of writing.
    pub(crate) async fn file(
        &self,
        folder: &WorkFolder,
        journal: &str,
        export: &Export,
        patience: Duration,
    ) -> Result<PathBuf, ApiError> {
        let made = folder.path().join(file_name(export));
        if tokio::fs::try_exists(&made).await.unwrap_or(false) {
            return Ok(made);
        }
        let place = self.place(patience).await?;
        let (folder, journal, export) = (folder.clone(), folder.path().join(journal), export.clone());
        // It goes on if the caller goes away, and holds its place as long as it does.
        let exported = tokio::task::spawn_blocking(move || {
            let _place = place;
            make(&folder, journal, &export, &made).map(|()| made)
        });
        exported.await.map_err(|_| ApiError::internal())?
    }

    async fn place(&self, patience: Duration) -> Result<OwnedSemaphorePermit, ApiError> {
        let waited = timeout(patience, Arc::clone(&self.places).acquire_owned()).await;
        let busy = || {
            let kind = RunErrorKind::QueueFull { retry_after: Duration::from_secs(1) };
            RunError::new(kind, "as many results are being written as may be")
        };
        waited.ok().and_then(Result::ok).ok_or_else(|| busy().into())
    }
}

fn make(folder: &WorkFolder, journal: PathBuf, wanted: &Export, made: &Path) -> Result<(), ApiError> {
    if made.is_file() {
        return Ok(());
    }
    // Two who ask at the same time must not write the same file.
    let draft = folder.path().join(format!("{}.part", RandomId::new()));
    let exported = export(&[journal], wanted, &draft).map_err(|error| export_error(folder, &error));
    let kept = exported.and_then(|()| std::fs::rename(&draft, made).map_err(|error| write_error(&error)));
    kept.inspect_err(|_| drop(std::fs::remove_file(&draft)))
}

fn export_error(folder: &WorkFolder, error: &RecordedError) -> ApiError {
    let refused = |kind, detail: &'static str| ApiError::new(Refusal::Job(kind), detail);
    if !folder.path().is_dir() {
        return refused(JobErrorKind::Unknown, "the job was forgotten while its result was written");
    }
    tracing::warn!(code = error.code(), %error, "a result cannot be exported");
    match error.kind() {
        RecordedErrorKind::StorageFull => refused(JobErrorKind::StorageFull, "the disk of the server is full"),
        RecordedErrorKind::Output => refused(JobErrorKind::Storage, "the server cannot write the result"),
        RecordedErrorKind::Journal => refused(JobErrorKind::Storage, "what the job found cannot be read any more"),
        _ => ApiError::internal(),
    }
}

fn file_name(export: &Export) -> String {
    let tracks = if export.track { "-tracks" } else { "" };
    format!("result-{}{tracks}.{}", export.format.name(), export.format.extension())
}
