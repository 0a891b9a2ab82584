//! The small files that lie beside a tower's graph.

use samovar_runtime::ContractError;
use serde_json::Value;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

/// The folder with what belongs to a tower beside its weights; perhaps none.
pub(crate) struct TowerAssets(Option<PathBuf>);

/// Bytes of a file of settings at most: real ones have some thousand.
const SETTINGS_BYTES_MAX: u64 = 4 << 20;

impl TowerAssets {
    pub(crate) fn new(folder: Option<&Path>) -> Self {
        Self(folder.map(Path::to_owned))
    }

    /// Where the tokenizer lies.
    ///
    /// # Errors
    /// No folder.
    pub(crate) fn folder(&self) -> Result<&Path, ContractError> {
        self.0.as_deref().ok_or_else(|| {
            ContractError(
                "a tower for texts needs its `tokenizer.json`; set `assets` to the folder that it lies in".to_owned(),
            )
        })
    }

    /// The settings in that file; none where there is no such file.
    ///
    /// # Errors
    /// A file that cannot be read or is no JSON.
    pub(crate) fn json(&self, name: &str) -> Result<Option<Value>, ContractError> {
        let Some(folder) = &self.0 else { return Ok(None) };
        let file = match File::open(folder.join(name)) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                return Err(ContractError(format!("`{name}` beside the model cannot be opened: {}", error.kind())));
            }
        };
        let mut text = String::new();
        let read = file.take(SETTINGS_BYTES_MAX).read_to_string(&mut text);
        read.map_err(|error| ContractError(format!("`{name}` beside the model cannot be read: {}", error.kind())))?;
        let parsed = serde_json::from_str(&text);
        parsed.map(Some).map_err(|error| ContractError(format!("`{name}` beside the model is no JSON: {error}")))
    }
}
