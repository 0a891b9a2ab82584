//! Names of files under an output folder: two inputs of one name do not overwrite each other.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// The names that are taken.
#[derive(Debug, Default)]
pub struct OutputNames {
    taken: HashSet<PathBuf>,
}

impl OutputNames {
    /// The path itself, or with a number where another input has taken it; taken from now on.
    pub fn take(&mut self, path: PathBuf) -> PathBuf {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let extension = path.extension().unwrap_or_default().to_string_lossy().into_owned();
        let numbered = (2..).map(|number| path.with_file_name(format!("{stem}-{number}.{extension}")));
        let free = std::iter::once(path.clone()).chain(numbered).find(|path| !self.taken.contains(path));
        let free = free.unwrap_or(path);
        self.taken.insert(free.clone());
        free
    }

    /// The name of an input with another extension, under that folder.
    pub fn under(&mut self, folder: &Path, name: &Path, extension: &str) -> PathBuf {
        self.take(folder.join(name.with_extension(extension)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_name_gets_a_number() {
        let mut names = OutputNames::default();
        let mut under = |name: &str| names.under(Path::new("out"), Path::new(name), "csv").display().to_string();
        assert_eq!(under("walk.mp4"), "out/walk.csv");
        assert_eq!(under("walk.avi"), "out/walk-2.csv");
        assert_eq!(under("deep/walk.mp4"), "out/deep/walk.csv");
    }
}
