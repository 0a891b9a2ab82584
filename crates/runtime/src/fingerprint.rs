//! Whether a model's file is still the one that was looked at, without reading it.

use samovar_engine_api::ModelFiles;
use sha2::{Digest, Sha256};
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What changes when somebody edits or replaces a model: each file's time, size and own number. External data that is named after the
/// graph (`model.onnx.data`, `model.onnx_data`) counts with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fingerprint {
    size_bytes: u64,
    /// Of every file by itself: a copy that keeps its own, older time is seen too.
    states: u64,
}

/// Files of one folder that are looked at: a folder of more is no model's own.
const FILES_MAX: usize = 10_000;

impl Fingerprint {
    /// The fingerprint of a model; none where its file cannot be looked at.
    pub(crate) fn of(files: &ModelFiles) -> Option<Self> {
        let graph = std::fs::metadata(&files.path).ok()?;
        let whole = Self { size_bytes: 0, states: 0 }.with(&files.path, &graph);
        Some(whole.with_all(external_data(&files.path)))
    }

    /// The fingerprint of the model together with these files; absent ones count for nothing.
    pub(crate) fn with_files(self, files: &[PathBuf]) -> Self {
        let all = files.iter().flat_map(|file| std::iter::once(file.clone()).chain(external_data(file)));
        self.with_all(all)
    }

    /// The same in one word: equal for equal files.
    pub(crate) fn word(&self) -> String {
        format!("{}-{:016x}", self.size_bytes, self.states)
    }

    fn with_all(self, paths: impl IntoIterator<Item = PathBuf>) -> Self {
        let present = paths.into_iter().filter_map(|path| Some((std::fs::metadata(&path).ok()?, path)));
        present.fold(self, |sum, (about, path)| sum.with(&path, &about))
    }

    /// Sums do not depend on the order in which the folder lists its files.
    fn with(self, path: &Path, about: &Metadata) -> Self {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let (modified_s, modified_ns) = (about.mtime(), about.mtime_nsec());
        let state = format!("{modified_s} {modified_ns} {} {} {name}", about.len(), about.ino());
        let state = Sha256::digest(state).first_chunk().map_or(0, |first| u64::from_le_bytes(*first));
        Self { size_bytes: self.size_bytes.saturating_add(about.len()), states: self.states.wrapping_add(state) }
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

    /// As `cp -p` and `rsync --inplace` do it: an adapter of the same size, older than the base that it goes with.
    #[test]
    fn a_file_that_is_written_over_with_an_older_one_of_the_same_size_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let [path, adapter] = ["model.onnx", "adapter.safetensors"].map(|name| folder.path().join(name));
        let look =
            || Fingerprint::of(&ModelFiles { path: path.clone() }).unwrap().with_files(std::slice::from_ref(&adapter));
        std::fs::write(&path, "base").unwrap();
        let put = |content: &str, age_s: u64| {
            std::fs::write(&adapter, content).unwrap();
            let time = std::time::SystemTime::now() - std::time::Duration::from_secs(age_s);
            std::fs::File::options().write(true).open(&adapter).unwrap().set_modified(time).unwrap();
        };
        put("one", 1_000);
        let before = look();
        assert_eq!(look(), before);
        put("two", 2_000);
        assert_ne!(look(), before);
        // Exchanged for one another, all sizes, times and numbers are still there.
        std::fs::write(&adapter, "same").unwrap();
        let (before, aside) = (look(), folder.path().join("aside"));
        for (from, to) in [(&path, &aside), (&adapter, &path), (&aside, &adapter)] {
            std::fs::rename(from, to).unwrap();
        }
        assert_ne!(look(), before);
    }
}
