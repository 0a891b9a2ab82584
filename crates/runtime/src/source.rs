//! Where a model's bytes are, and which of them a load takes.

use crate::FailureKind;
use crate::fingerprint::Fingerprint;
use crate::load::LoadError;
use crate::versions::VersionFolder;
use samovar_engine_api::ModelFiles;
use std::path::{Path, PathBuf};

/// Where a model's bytes are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModelSource {
    /// One file.
    File(ModelFiles),
    /// A folder of versions, `folder/<number>/model.onnx` (any name where there is just one `.onnx` file).
    Versions {
        /// The folder.
        folder: PathBuf,
        /// Which of them serves.
        choice: VersionChoice,
    },
}

/// Which version of a model serves, unless a swap has named another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VersionChoice {
    /// The newest. Where a first load of it fails, the next older one, among the newest `keep` (1: the newest or none).
    Latest {
        /// How many may be tried.
        keep: usize,
    },
    /// This one or none.
    Pinned(u64),
}

/// What a load would take, and how it looks from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) version: Option<u64>,
    pub(crate) fingerprint: Fingerprint,
}

impl ModelSource {
    /// The model in that file.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self::File(ModelFiles { path: path.into() })
    }

    /// The file or folder as it is configured.
    pub fn path(&self) -> &Path {
        match self {
            Self::File(files) => &files.path,
            Self::Versions { folder, .. } => folder,
        }
    }

    /// The version and the files that a load would begin with now: for whoever looks at a model without loading it.
    ///
    /// # Errors
    /// What the load would fail with.
    pub fn look(&self) -> Result<(Option<u64>, ModelFiles), (FailureKind, String)> {
        let first = self.candidates(None).and_then(|candidates| candidates.first().copied().ok_or_else(no_version));
        let found = first.and_then(|version| Ok((version, self.files(version)?)));
        found.map_err(|error| (error.kind, error.reason))
    }

    /// The versions that a load may take, the best first; one that is `chosen` or none. A file has no number.
    pub(crate) fn candidates(&self, chosen: Option<u64>) -> Result<Vec<Option<u64>>, LoadError> {
        match (self, chosen) {
            (Self::File(_), None) => Ok(vec![None]),
            (Self::File(_), Some(version)) => Err(no_versions(version)),
            (Self::Versions { .. }, Some(version)) => Ok(vec![Some(version)]),
            (Self::Versions { choice: VersionChoice::Pinned(version), .. }, None) => Ok(vec![Some(*version)]),
            (Self::Versions { folder, choice: VersionChoice::Latest { keep } }, None) => {
                let numbers = VersionFolder::new(folder).numbers()?;
                Ok(numbers.into_iter().take((*keep).max(1)).map(Some).collect())
            }
        }
    }

    /// The files of a candidate.
    pub(crate) fn files(&self, version: Option<u64>) -> Result<ModelFiles, LoadError> {
        match (self, version) {
            (Self::File(files), None) => Ok(files.clone()),
            (Self::Versions { folder, .. }, Some(number)) => VersionFolder::new(folder).files(number),
            (Self::File(_), Some(number)) => Err(no_versions(number)),
            (Self::Versions { .. }, None) => Err(no_version()),
        }
    }
}

fn no_versions(version: u64) -> LoadError {
    let reason = format!("version {version} was asked for, and the model is one file without versions");
    LoadError { kind: FailureKind::Version, reason }
}

fn no_version() -> LoadError {
    LoadError { kind: FailureKind::File, reason: "no version of the model was named".to_owned() }
}
