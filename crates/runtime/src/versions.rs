//! A model's folder of numbered versions: `folder/<number>/model.onnx`.
//!
//! Folders whose names are not plain numbers (`1`, `20`; not `01`) and other files are nobody's business here. Whatever a version
//! names must lie inside the folder: a link that leads out of it is refused, so that a folder that is handed over by a less
//! trusted party cannot name any other file of this machine.

use crate::FailureKind;
use crate::load::LoadError;
use samovar_engine_api::ModelFiles;
use std::path::{Path, PathBuf};

/// A model's folder of versions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct VersionFolder<'a> {
    folder: &'a Path,
}

/// Entries of one folder that are looked at.
const ENTRIES_MAX: usize = 10_000;
/// Versions that an error lists at most, the newest ones.
const SHOWN_MAX: usize = 20;
/// The file that is meant where a version has several.
const PREFERRED: &str = "model.onnx";

impl<'a> VersionFolder<'a> {
    pub(crate) const fn new(folder: &'a Path) -> Self {
        Self { folder }
    }

    /// The versions that are there, the newest first.
    pub(crate) fn numbers(self) -> Result<Vec<u64>, LoadError> {
        let names = names(self.folder)?;
        let folders = names.iter().filter(|name| self.folder.join(name).is_dir());
        let mut numbers: Vec<u64> = folders.filter_map(|name| number(name)).collect();
        numbers.sort_unstable_by(|a, b| b.cmp(a));
        if numbers.is_empty() {
            return Err(file(format!("{} has no folder named by a version's number", self.folder.display())));
        }
        Ok(numbers)
    }

    /// The files of one version.
    pub(crate) fn files(self, number: u64) -> Result<ModelFiles, LoadError> {
        if !self.folder.join(number.to_string()).exists() {
            return Err(self.not_there(number));
        }
        let root = resolved(self.folder)?;
        let version = within(&root, &self.folder.join(number.to_string()))?;
        let graph = within(&root, &version.join(graph_of(&version)?))?;
        Ok(ModelFiles { path: graph })
    }

    /// May reach clients: it names no path.
    fn not_there(self, number: u64) -> LoadError {
        let there = self.numbers().unwrap_or_default();
        let there: Vec<String> = there.iter().take(SHOWN_MAX).map(u64::to_string).collect();
        let reason = format!("there is no version {number}; there are: {}", there.join(", "));
        LoadError { kind: FailureKind::Version, reason }
    }
}

/// The number that a folder's name says; `01` says none, so that two folders never mean one version.
fn number(name: &str) -> Option<u64> {
    name.parse().ok().filter(|number: &u64| number.to_string() == name)
}

/// The name of a version's graph.
fn graph_of(version: &Path) -> Result<String, LoadError> {
    let mut graphs = names(version)?;
    graphs.retain(|name| Path::new(name).extension().is_some_and(|extension| extension == "onnx"));
    match graphs.as_slice() {
        [only] => Ok(only.clone()),
        [] => Err(file(format!("{} has no .onnx file", version.display()))),
        _ if graphs.iter().any(|name| name == PREFERRED) => Ok(PREFERRED.to_owned()),
        _ => Err(model(format!("{} has several .onnx files and none of them is {PREFERRED}", version.display()))),
    }
}

fn names(folder: &Path) -> Result<Vec<String>, LoadError> {
    let entries = std::fs::read_dir(folder).map_err(|error| unreadable(folder, &error))?;
    Ok(entries.take(ENTRIES_MAX).flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect())
}

/// The place that `path` leads to, which must lie inside `root`.
fn within(root: &Path, path: &Path) -> Result<PathBuf, LoadError> {
    let place = resolved(path)?;
    if place.starts_with(root) {
        return Ok(place);
    }
    Err(file(format!("{} leads out of the model's folder and is not followed", path.display())))
}

fn resolved(path: &Path) -> Result<PathBuf, LoadError> {
    path.canonicalize().map_err(|error| unreadable(path, &error))
}

fn unreadable(path: &Path, error: &std::io::Error) -> LoadError {
    file(format!("{} cannot be read: {error}", path.display()))
}

fn file(reason: String) -> LoadError {
    LoadError { kind: FailureKind::File, reason }
}

fn model(reason: String) -> LoadError {
    LoadError { kind: FailureKind::Model, reason }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;
    use tempfile::TempDir;

    fn folder(files: &[&str]) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "graph").unwrap();
        }
        folder
    }

    #[test]
    fn versions_are_plain_numbers_and_the_newest_comes_first() {
        let folder =
            folder(&["2/model.onnx", "10/model.onnx", "010/model.onnx", "-3/model.onnx", "new/model.onnx", "11"]);
        assert_eq!(VersionFolder::new(folder.path()).numbers().unwrap(), [10, 2]);
        let empty = tempfile::tempdir().unwrap();
        let failure = VersionFolder::new(empty.path()).numbers().unwrap_err();
        assert_eq!(failure.kind, FailureKind::File);
        assert!(VersionFolder::new(Path::new("not/there")).numbers().is_err());
    }

    #[test]
    fn one_graph_is_taken_whatever_its_name_and_model_onnx_of_several() {
        let folder =
            folder(&["1/yolo.onnx", "1/labels.txt", "2/a.onnx", "2/model.onnx", "3/a.onnx", "3/b.onnx", "4/x"]);
        let graph = |number| VersionFolder::new(folder.path()).files(number).map_err(|error| error.kind);
        assert!(graph(1).unwrap().path.ends_with("1/yolo.onnx"));
        assert!(graph(2).unwrap().path.ends_with("2/model.onnx"));
        assert_eq!(graph(3), Err(FailureKind::Model));
        assert_eq!((graph(4), graph(5)), (Err(FailureKind::File), Err(FailureKind::Version)));
        let reason = VersionFolder::new(folder.path()).files(5).unwrap_err().reason;
        assert_eq!(reason, "there is no version 5; there are: 4, 3, 2, 1");
    }

    #[test]
    fn links_may_stay_inside_the_folder_and_never_leave_it() {
        let outside = folder(&["secret.onnx"]);
        let folder = folder(&["1/model.onnx", "3/labels.txt"]);
        symlink(folder.path().join("1"), folder.path().join("2")).unwrap();
        symlink(outside.path().join("secret.onnx"), folder.path().join("3/model.onnx")).unwrap();
        symlink(outside.path(), folder.path().join("4")).unwrap();
        symlink("../../secret.onnx", folder.path().join("1/other.onnx")).unwrap();
        let versions = VersionFolder::new(folder.path());
        assert!(versions.files(2).unwrap().path.ends_with("1/model.onnx"));
        for number in [3, 4] {
            let error = versions.files(number).unwrap_err();
            assert_eq!(error.kind, FailureKind::File);
            assert!(error.reason.contains("leads out"), "{}", error.reason);
        }
    }
}
