//! Lets an engine see only files whose sha256 is the pinned one.
//!
//! A wrapper around an engine rather than a check at start, so that a reload, and a load from a compiled form, is held to the pins as
//! well. Files that were verified are read again only when they changed since.
//!
//! The engine opens the files again by name: who may write to their folder can still put others there in between.

use crate::config::ModelSection;
use crate::sha256;
use parking_lot::Mutex;
use samovar_engine_api::{
    Engine, EngineError, EngineErrorKind, EngineInfo, LoadOptions, LoadedModel, ModelFiles, Signature,
};
use samovar_engines::OnnxFile;
use std::collections::BTreeMap;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The pins of one model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pins {
    graph: String,
    data: BTreeMap<String, String>,
}

/// Pins by the path of the graph, or of the folder that holds it in its versions.
pub type PinsByPath = BTreeMap<PathBuf, Pins>;

/// An engine that verifies pinned files before it looks at them.
pub struct PinnedEngine {
    inner: Arc<dyn Engine>,
    pins: Arc<PinsByPath>,
    /// What the files of a model were when they last were what is pinned, by graph. A pinned file or folder of versions adds a few.
    verified: Mutex<BTreeMap<PathBuf, Vec<FileState>>>,
}

/// What tells a file that was read before from one that is another, or was written since: device, inode, bytes, and the times of the
/// last write and of the last change of anything, in seconds and nanoseconds.
type FileState = (PathBuf, [u64; 3], [i64; 4]);

impl PinnedEngine {
    /// The same engine, held to `pins`.
    pub fn wrap(inner: Arc<dyn Engine>, pins: &Arc<PinsByPath>) -> Arc<dyn Engine> {
        if pins.is_empty() { inner } else { Arc::new(Self::new(inner, pins)) }
    }

    fn new(inner: Arc<dyn Engine>, pins: &Arc<PinsByPath>) -> Self {
        Self { inner, pins: Arc::clone(pins), verified: Mutex::default() }
    }

    fn verify(&self, path: &Path) -> Result<(), EngineError> {
        // A pinned folder of versions holds every graph in it to the one pin: no version passes unseen.
        let Some(pins) = self.pins_of(path) else { return Ok(()) };
        let before = self.verified.lock().get(path).cloned();
        if before.is_some_and(|states| states.iter().all(is_unchanged)) {
            return Ok(());
        }
        let states = pins.verify(path)?;
        self.verified.lock().insert(path.to_owned(), states);
        Ok(())
    }
}

impl PinnedEngine {
    /// The pins of the graph, or of the folder of versions that it lies in. Versions are named by where they really are, folders
    /// as they were configured.
    fn pins_of(&self, path: &Path) -> Option<&Pins> {
        let holds = |folder: &Path| folder.canonicalize().is_ok_and(|folder| path.starts_with(folder));
        let by_name = path.ancestors().find_map(|place| self.pins.get(place));
        by_name.or_else(|| self.pins.iter().find(|(place, _)| place.is_dir() && holds(place)).map(|(_, pins)| pins))
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

    fn data_files(&self, files: &ModelFiles) -> Result<Vec<PathBuf>, EngineError> {
        self.inner.data_files(files)
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

    /// Whether the graph and every file that holds its weights are what was pinned; what these files were while they were read.
    ///
    /// # Errors
    /// `Model` for the first file that is not, `File` for one that cannot be read.
    pub fn verify(&self, path: &Path) -> Result<Vec<FileState>, EngineError> {
        let mut states = vec![verify_file(path, &self.graph)?];
        for data in OnnxFile::read(path)?.external_files {
            let name = data.file_name().unwrap_or_default().to_string_lossy();
            let pin = self.data.get(&*name).ok_or_else(|| {
                let message = format!("{} holds weights but is not pinned; add it to `data_sha256`", data.display());
                EngineError::new(EngineErrorKind::Model, message)
            })?;
            states.push(verify_file(&data, pin)?);
        }
        Ok(states)
    }
}

/// The state is taken before the file is read: a write while it is read makes it another one.
fn verify_file(path: &Path, pin: &str) -> Result<FileState, EngineError> {
    let read = file_state(path).and_then(|state| Ok((state, sha256::of_file(path)?)));
    let (state, found) = read.map_err(|error| {
        EngineError::new(EngineErrorKind::File, format!("{} cannot be read: {error}", path.display()))
    })?;
    if found == *pin {
        return Ok(state);
    }
    let message = format!("{} is not the pinned file: its sha256 is {found}, pinned is {pin}", path.display());
    Err(EngineError::new(EngineErrorKind::Model, message))
}

fn is_unchanged(before: &FileState) -> bool {
    file_state(&before.0).is_ok_and(|now| now == *before)
}

fn file_state(path: &Path) -> io::Result<FileState> {
    let file = std::fs::metadata(path)?;
    let times = [file.mtime(), file.mtime_nsec(), file.ctime(), file.ctime_nsec()];
    Ok((path.to_owned(), [file.dev(), file.ino(), file.len()], times))
}

#[cfg(test)]
mod tests {
    use super::*;
    use samovar_engines::{FakeEngine, FakeModel};

    #[test]
    fn reloads_and_loads_from_a_compiled_form_are_held_to_the_pins() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.onnx");
        let starter = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../starter/models/starter-stg-nf.onnx");
        std::fs::copy(starter, &path).unwrap();
        let pins = Pins { graph: sha256::of_file(&path).unwrap(), data: BTreeMap::new() };
        let pins = Arc::new(PinsByPath::from([(path.clone(), pins)]));
        let model = FakeModel::rows(1);
        let engine = PinnedEngine::wrap(Arc::new(FakeEngine::new().with(&path, &model)), &pins);
        let (files, cache) = (ModelFiles { path: path.clone() }, Some(folder.path().to_owned()));
        let options = LoadOptions { cache, ..LoadOptions::default() };
        assert!(!engine.load(&files, &options).unwrap().compiled_from_cache());
        assert!(engine.load(&files, &options).unwrap().compiled_from_cache());

        let mut bytes = std::fs::read(&path).unwrap();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        assert_eq!(engine.load(&files, &options).err().unwrap().kind(), EngineErrorKind::Model);
        assert_eq!(engine.inspect(&files).unwrap_err().kind(), EngineErrorKind::Model);
        assert_eq!(model.counts().loads, 2, "the engine saw only what is pinned");
    }

    #[test]
    fn a_pinned_folder_holds_each_version_in_it_to_the_pin() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("7/model.onnx");
        std::fs::create_dir(folder.path().join("7")).unwrap();
        std::fs::write(&path, "another model").unwrap();
        let pins = Pins { graph: sha256::of_bytes(b"a model"), data: BTreeMap::new() };
        let pins = Arc::new(PinsByPath::from([(folder.path().to_owned(), pins)]));
        let engine = PinnedEngine::wrap(Arc::new(FakeEngine::new().with(&path, &FakeModel::rows(1))), &pins);
        assert_eq!(engine.inspect(&ModelFiles { path }).unwrap_err().kind(), EngineErrorKind::Model);
    }
}
