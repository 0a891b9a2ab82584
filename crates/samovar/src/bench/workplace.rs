//! A folder of one's own for what a measurement writes; gone at its end.

use crate::failure::CliError;
use std::path::{Path, PathBuf};

/// A folder of one's own, removed at the end.
#[derive(Debug)]
pub struct Workplace(PathBuf);

impl Workplace {
    /// An empty folder in the temporary one.
    ///
    /// # Errors
    /// Where it cannot be made.
    pub fn new(name: &str) -> Result<Self, CliError> {
        let folder = std::env::temp_dir().join(format!("samovar-bench-{name}-{}", std::process::id()));
        // Left from a process of the same number.
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).map_err(|error| cannot_write(&folder, &error))?;
        Ok(Self(folder))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Empties a folder in it.
    ///
    /// # Errors
    /// Where that cannot be done.
    pub fn emptied(&self, name: &str) -> Result<PathBuf, CliError> {
        let folder = self.0.join(name);
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).map_err(|error| cannot_write(&folder, &error))?;
        Ok(folder)
    }

    /// Copies `file` to `name` in it.
    ///
    /// # Errors
    /// A file that cannot be read or written.
    pub fn copy(&self, file: &Path, name: &str) -> Result<PathBuf, CliError> {
        let to = self.0.join(name);
        let folder = to.parent().unwrap_or(&self.0);
        std::fs::create_dir_all(folder).map_err(|error| cannot_write(folder, &error))?;
        std::fs::copy(file, &to)
            .map_err(|error| CliError::new("model_file_unreadable", format!("{}: {error}", file.display())))?;
        Ok(to)
    }
}

impl Drop for Workplace {
    fn drop(&mut self) {
        // A folder left behind in the temporary one harms nobody.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn cannot_write(path: &Path, error: &std::io::Error) -> CliError {
    CliError::new("temporary_folder_unusable", format!("{} cannot be written: {error}", path.display()))
        .cure("set TMPDIR to a folder that can be written")
}
