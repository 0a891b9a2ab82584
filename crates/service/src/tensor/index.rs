//! The list of models, in the words of a model repository.

use samovar_runtime::{ModelState, ModelStatus};

/// One model of the repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexEntry {
    /// Its configured name.
    pub name: String,
    /// The version that serves; empty where none does.
    pub version: String,
    /// `READY`, `LOADING`, `UNLOADING` or `UNAVAILABLE`.
    pub state: &'static str,
    /// Why it is not available, in a word.
    pub reason: String,
}

impl From<ModelStatus> for IndexEntry {
    fn from(status: ModelStatus) -> Self {
        let (state, reason) = match &status.state {
            ModelState::Ready(_) => ("READY", ""),
            ModelState::Loading { .. } | ModelState::Warming { .. } => ("LOADING", ""),
            ModelState::Draining => ("UNLOADING", ""),
            ModelState::Absent => ("UNAVAILABLE", "unloaded"),
            ModelState::Failed(failure) => ("UNAVAILABLE", failure.kind.code()),
        };
        let version = status.state.generation().map(|generation| super::metadata::version(generation));
        Self { name: status.name, version: version.unwrap_or_default(), state, reason: reason.to_owned() }
    }
}
