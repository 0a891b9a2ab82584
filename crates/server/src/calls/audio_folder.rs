//! The folder with the audio of calls.

use super::CallSettings;
use samovar_calls::CallId;
use std::io;
use std::path::PathBuf;

/// The folder with the audio of calls: a file for each, named like the call.
pub(super) struct AudioFolder {
    folder: PathBuf,
}

impl AudioFolder {
    pub(super) fn open(settings: &CallSettings) -> io::Result<Self> {
        let folder = settings.folder.join("audio");
        std::fs::create_dir_all(&folder)?;
        Ok(Self { folder })
    }

    /// Where the audio of that call lies, if it is kept.
    pub(super) fn path(&self, id: CallId) -> PathBuf {
        self.folder.join(format!("{id}.wav"))
    }

    /// Removes the audio of these calls, where there is any.
    pub(super) async fn remove(&self, ids: &[CallId]) {
        for id in ids {
            if let Err(error) = tokio::fs::remove_file(self.path(*id)).await
                && error.kind() != io::ErrorKind::NotFound
            {
                tracing::warn!(%error, "the audio of a call cannot be removed; it is tried again later");
            }
        }
    }
}
