//! Where a model's bytes are, and which of them a load takes.

use samovar_engine_api::ModelFiles;
use std::path::{Path, PathBuf};

/// Where a model's bytes are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModelSource {
    /// One file.
    File(ModelFiles),
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
        }
    }
}
