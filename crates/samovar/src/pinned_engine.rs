//! Lets an engine see only files whose sha256 is the pinned one.
//!
//! A wrapper around an engine rather than a check at start, so that a reload is held to the pins as well.

use crate::config::ModelSection;
use crate::sha256;
use samovar_engine_api::{
    Engine, EngineError, EngineErrorKind, EngineInfo, LoadOptions, LoadedModel, ModelFiles, Signature,
};
use samovar_engines::OnnxFile;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The pins of one model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pins {
    graph: String,
    data: BTreeMap<String, String>,
}

/// Pins by the path of the graph.
pub type PinsByPath = BTreeMap<PathBuf, Pins>;

/// An engine that verifies pinned files before it looks at them.
pub struct PinnedEngine {
    inner: Arc<dyn Engine>,
    pins: Arc<PinsByPath>,
}

impl PinnedEngine {
    /// The same engine, held to `pins`.
    pub fn wrap(inner: Arc<dyn Engine>, pins: &Arc<PinsByPath>) -> Arc<dyn Engine> {
        if pins.is_empty() { inner } else { Arc::new(Self { inner, pins: Arc::clone(pins) }) }
    }

    fn verify(&self, path: &Path) -> Result<(), EngineError> {
        self.pins.get(path).map_or(Ok(()), |pins| pins.verify(path))
    }
}

impl Engine for PinnedEngine {
    fn info(&self) -> EngineInfo {
        self.inner.info()
    }

    fn inspect(&self, files: &ModelFiles) -> Result<Signature, EngineError> {
        self.verify(&files.path)?;
        self.inner.inspect(files)
    }

    fn load(&self, files: &ModelFiles, options: &LoadOptions) -> Result<Arc<dyn LoadedModel>, EngineError> {
        self.verify(&files.path)?;
        self.inner.load(files, options)
    }
}

impl Pins {
    /// The pins of a configured model; none where it has none.
    pub fn of(model: &ModelSection) -> Option<Self> {
        let lower = |(file, pin): (&String, &String)| (file.clone(), pin.to_ascii_lowercase());
        let graph = model.sha256.as_ref()?.to_ascii_lowercase();
        Some(Self { graph, data: model.data_sha256.iter().map(lower).collect() })
    }

    /// Whether the graph and every file that holds its weights are what was pinned.
    ///
    /// # Errors
    /// `Model` for the first file that is not, `File` for one that cannot be read.
    pub fn verify(&self, path: &Path) -> Result<(), EngineError> {
        verify_file(path, &self.graph)?;
        for data in OnnxFile::read(path)?.external_files {
            let name = data.file_name().unwrap_or_default().to_string_lossy();
            let pin = self.data.get(&*name).ok_or_else(|| {
                let message = format!("{} holds weights but is not pinned; add it to `data_sha256`", data.display());
                EngineError::new(EngineErrorKind::Model, message)
            })?;
            verify_file(&data, pin)?;
        }
        Ok(())
    }
}

fn verify_file(path: &Path, pin: &str) -> Result<(), EngineError> {
    let found = sha256::of_file(path).map_err(|error| {
        EngineError::new(EngineErrorKind::File, format!("{} cannot be read: {error}", path.display()))
    })?;
    if found == *pin {
        return Ok(());
    }
    let message = format!("{} is not the pinned file: its sha256 is {found}, pinned is {pin}", path.display());
    Err(EngineError::new(EngineErrorKind::Model, message))
}
