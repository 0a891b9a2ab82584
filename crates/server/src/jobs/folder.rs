//! The folder of a job that is being handed in: gone again unless the job was accepted, whichever way that ends.

use crate::error::ApiError;
use crate::jobs::free_space::write_error;
use rustix::fs::FlockOperation;
use samovar_jobs::JobId;
use samovar_recorded::{TaskResult, WorkFolder};
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// The folder of a job that is not accepted yet. Dropped, it is removed with all that is in it.
#[derive(Debug)]
pub(crate) struct NewFolder {
    folder: WorkFolder,
    root: PathBuf,
    /// Locked while the job is not accepted: whoever looks for orphans, in this process or another, sees that it is none.
    _lock: Option<File>,
    kept: bool,
}

impl NewFolder {
    /// Makes it.
    ///
    /// # Errors
    /// `storage_full`, `storage_failed`.
    pub(super) async fn create(root: PathBuf, id: JobId) -> Result<Self, ApiError> {
        let folder = WorkFolder::new(&root, &id.to_string());
        let made = tokio::task::spawn_blocking(move || {
            make(folder.path()).map_err(|error| write_error(&error))?;
            // Where the file system has no locks, its age alone tells that it is no orphan.
            let lock = lock(folder.path()).ok().flatten();
            Ok(Self { folder, root, _lock: lock, kept: false })
        });
        made.await.map_err(|_| ApiError::internal())?
    }

    /// Where the video goes.
    pub(super) fn upload(&self) -> PathBuf {
        self.folder.upload()
    }

    /// Makes sure that what lies in it is found after the power has failed. The files themselves are written through already.
    ///
    /// # Errors
    /// `storage_full`, `storage_failed`.
    pub(super) async fn sync(&self) -> Result<(), ApiError> {
        let (folder, root) = (self.folder.path().to_owned(), self.root.clone());
        let synced = tokio::task::spawn_blocking(move || sync_folder(&folder).and_then(|()| sync_folder(&root)));
        synced.await.map_err(|_| ApiError::internal())?.map_err(|error| write_error(&error))
    }

    /// The job was accepted: it is its folder from now on.
    pub(super) fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for NewFolder {
    fn drop(&mut self) {
        if !self.kept {
            remove_later(self.folder.path().to_owned());
        }
    }
}

/// Removes the folder of a job that is no more, on a thread that nobody waits for. What cannot be removed now is an orphan, and removed later.
pub(crate) fn remove_later(folder: PathBuf) {
    let remove = move || remove(&folder);
    match tokio::runtime::Handle::try_current() {
        Ok(runtime) => drop(runtime.spawn_blocking(remove)),
        Err(_) => remove(),
    }
}

/// The folder, locked for as long as the file is open; none where somebody else has locked it.
pub(super) fn lock(folder: &Path) -> io::Result<Option<File>> {
    let folder = File::open(folder)?;
    match rustix::fs::flock(&folder, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(folder)),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Removes it now.
pub(super) fn remove(folder: &Path) {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!(%error, "the folder of a job cannot be removed; it is tried again later");
        }
        _ => {}
    }
}

/// Removes what a job with that result needs no more.
pub(super) fn settle(folder: &WorkFolder, result: &str) {
    let Ok(result) = serde_json::from_str::<TaskResult>(result) else { return };
    if let Err(error) = folder.settle(&result.journal) {
        tracing::warn!(%error, "what a job needs no more cannot be removed; it is tried again later");
    }
}

/// A folder that nobody else on this machine looks into.
fn make(folder: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.mode(0o700).create(folder)
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
