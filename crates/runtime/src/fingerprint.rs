//! Whether a model's file is still the one that was looked at, without reading it.

use samovar_engine_api::ModelFiles;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// What changes when somebody edits or replaces a model: times, sizes and the file's own number. External data that is named after the
/// graph (`model.onnx.data`, `model.onnx_data`) counts with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fingerprint {
    modified: SystemTime,
    size_bytes: u64,
    inode: u64,
}

/// Files of one folder that are looked at: a folder of more is no model's own.
const FILES_MAX: usize = 10_000;

impl Fingerprint {
    /// The fingerprint of a model; none where its file cannot be looked at.
    pub(crate) fn of(files: &ModelFiles) -> Option<Self> {
        let graph = std::fs::metadata(&files.path).ok()?;
        let modified = graph.modified().ok()?;
        let whole = Self { modified, size_bytes: graph.len(), inode: graph.ino() };
        Some(
            external_data(&files.path)
                .iter()
                .filter_map(|path| std::fs::metadata(path).ok())
                .fold(whole, |sum, data| sum.with(&data)),
        )
    }

    /// The fingerprint of the model together with these files; absent ones count for nothing.
    pub(crate) fn with_files(self, files: &[PathBuf]) -> Self {
        let all = files.iter().flat_map(|file| std::iter::once(file.clone()).chain(external_data(file)));
        all.filter_map(|path| std::fs::metadata(path).ok()).fold(self, |sum, file| sum.with(&file))
    }

    /// The same in one word: equal for equal files.
    pub(crate) fn word(&self) -> String {
        let modified = self.modified.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        format!("{}-{}-{}", self.size_bytes, modified.as_nanos(), self.inode)
    }

    fn with(self, data: &std::fs::Metadata) -> Self {
        let modified = data.modified().map_or(self.modified, |modified| modified.max(self.modified));
        // Sums do not depend on the order in which the folder lists its files.
        Self {
            modified,
            size_bytes: self.size_bytes.saturating_add(data.len()),
            inode: self.inode.wrapping_add(data.ino()),
        }
    }
}

/// Files beside the graph whose names begin with the graph's.
fn external_data(graph: &Path) -> Vec<PathBuf> {
    let (Some(folder), Some(name)) = (graph.parent(), graph.file_name().and_then(|name| name.to_str())) else {
        return Vec::new();
    };
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let belongs = |entry: &std::fs::DirEntry| {
        entry.file_name().to_str().is_some_and(|file| file.len() > name.len() && file.starts_with(name))
    };
    entries.take(FILES_MAX).flatten().filter(belongs).map(|entry| entry.path()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edit_a_replacement_and_new_external_data_are_seen() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.onnx");
        let files = ModelFiles { path: path.clone() };
        assert_eq!(Fingerprint::of(&files), None);
        std::fs::write(&path, "one").unwrap();
        let first = Fingerprint::of(&files).unwrap();
        assert_eq!((Fingerprint::of(&files), first.size_bytes), (Some(first), 3));
        let replacement = folder.path().join("next");
        std::fs::write(&replacement, "two").unwrap();
        std::fs::rename(&replacement, &path).unwrap();
        let second = Fingerprint::of(&files).unwrap();
        assert_ne!(second, first);
        std::fs::write(folder.path().join("model.onnx.data"), "weights").unwrap();
        let third = Fingerprint::of(&files).unwrap();
        assert_ne!(third, second);
        assert_eq!(third.size_bytes, 10);
        let companions = ["decoder.onnx", "absent.onnx"].map(|name| folder.path().join(name));
        assert_eq!(third.with_files(&companions), third);
        std::fs::write(&companions[0], "graph").unwrap();
        std::fs::write(folder.path().join("decoder.onnx_data"), "weights").unwrap();
        assert_eq!(third.with_files(&companions).size_bytes, 22);
    }
}
