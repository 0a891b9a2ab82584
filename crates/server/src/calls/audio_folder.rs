//! The folder with the audio of calls: a file for each that has any, named like the call.

use super::CallSettings;
use super::wav_file::{WavFile, has_sound};
use samovar_calls::CallId;
use std::fs::{DirBuilder, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The folder with the audio of calls. Files and folder are for nobody else on this machine.
#[derive(Clone)]
pub(super) struct AudioFolder {
    folder: PathBuf,
}

impl AudioFolder {
    /// Makes what is missing.
    pub(super) fn open(settings: &CallSettings) -> io::Result<Self> {
        let folder = settings.folder.join("audio");
        make(&settings.folder)?;
        make(&folder)?;
        Ok(Self { folder })
    }

    /// A new file for that call.
    pub(super) fn create(&self, id: CallId) -> io::Result<WavFile> {
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(self.path(id))?;
        Ok(WavFile::new(file, file_name(id)))
    }

    /// Where the audio of that call lies, if any was kept. Looks at the disk.
    pub(super) fn find(&self, id: CallId) -> Option<PathBuf> {
        Some(self.path(id)).filter(|path| has_sound(path))
    }

    /// Removes the audio of these calls, where there is any. What cannot be removed now is an orphan later.
    pub(super) async fn remove(&self, ids: Vec<CallId>) {
        let folder = self.clone();
        let removed = tokio::task::spawn_blocking(move || ids.into_iter().for_each(|id| folder.remove_now(id)));
        drop(removed.await);
    }

    /// The calls that have a file here, at most `most`.
    pub(super) fn list(&self, most: usize) -> io::Result<Vec<CallId>> {
        let named = |entry: io::Result<std::fs::DirEntry>| {
            let name = entry.ok()?.file_name();
            CallId::parse(Path::new(&name).file_stem()?.to_str()?)
        };
        Ok(std::fs::read_dir(&self.folder)?.filter_map(named).take(most).collect())
    }

    fn remove_now(&self, id: CallId) {
        if let Err(error) = std::fs::remove_file(self.path(id))
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(kind = ?error.kind(), "the audio of a deleted call cannot be removed; it is tried again later");
        }
    }

    fn path(&self, id: CallId) -> PathBuf {
        self.folder.join(file_name(id))
    }
}

fn file_name(id: CallId) -> String {
    format!("{id}.wav")
}

fn make(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}
