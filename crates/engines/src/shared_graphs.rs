//! Lets models share graphs: where two load the same bytes in the same way, the second one takes up what the first one has in memory.
//!
//! For variants of one base: what an adapter leaves alone, a Whisper's encoder or its decoder, is there once however many use it. A graph
//! is known by a sha256 over its file and the files of its weights, and by the options that it is loaded with. It goes with the last
//! model that uses it.

use parking_lot::Mutex;
use samovar_engine_api::{Engine, EngineError, EngineInfo, LoadOptions, LoadedModel, ModelFiles, Signature};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

/// An engine whose models share the graphs that they have in common.
pub struct SharedGraphs {
    inner: Arc<dyn Engine>,
    /// Bounded: see [`GRAPHS_MAX`].
    graphs: Mutex<HashMap<Key, Arc<Place>>>,
}

/// The bytes of a graph, and how it is loaded.
type Key = ([u8; 32], String);

/// What is in memory of one graph; locked while it is loaded, so that of two who want it one loads it.
type Place = Mutex<Option<Weak<dyn LoadedModel>>>;

/// Graphs remembered before those that are gone are forgotten.
const GRAPHS_MAX: usize = 64;

impl SharedGraphs {
    /// The same engine, whose models share.
    pub fn wrap(inner: Arc<dyn Engine>) -> Arc<dyn Engine> {
        Arc::new(Self { inner, graphs: Mutex::default() })
    }

    fn place(&self, key: Key) -> Arc<Place> {
        let mut graphs = self.graphs.lock();
        if graphs.len() >= GRAPHS_MAX {
            graphs.retain(|_, place| Arc::strong_count(place) > 1 || alive(&place.lock()).is_some());
        }
        Arc::clone(graphs.entry(key).or_default())
    }

    /// The key of a graph; none where its files cannot be read, which the load itself will tell.
    fn key(&self, files: &ModelFiles, options: &LoadOptions) -> Option<Key> {
        let mut hasher = Sha256::new();
        take_in(&mut hasher, &files.path).ok()?;
        for path in self.inner.data_files(files).ok()? {
            take_in(&mut hasher, &path).ok()?;
        }
        // Where a compiled form is kept changes nothing about what is in memory.
        let options = LoadOptions { cache: None, ..options.clone() };
        Some((hasher.finalize().into(), format!("{options:?}")))
    }
}

impl Engine for SharedGraphs {
    fn info(&self) -> EngineInfo {
        self.inner.info()
    }

    fn inspect(&self, files: &ModelFiles) -> Result<Signature, EngineError> {
        self.inner.inspect(files)
    }

    fn data_files(&self, files: &ModelFiles) -> Result<Vec<PathBuf>, EngineError> {
        self.inner.data_files(files)
    }

    fn load(&self, files: &ModelFiles, options: &LoadOptions) -> Result<Arc<dyn LoadedModel>, EngineError> {
        let Some(key) = self.key(files, options) else { return self.inner.load(files, options) };
        let place = self.place(key.clone());
        let mut held = place.lock();
        if let Some(model) = alive(&held) {
            tracing::debug!(engine = self.inner.info().name, "a graph is shared with another model");
            return Ok(model);
        }
        let model = self.inner.load(files, options)?;
        // What was written over meanwhile would be taken for what it was before.
        if self.key(files, options) == Some(key) {
            *held = Some(Arc::downgrade(&model));
        }
        Ok(model)
    }
}

fn alive(held: &Option<Weak<dyn LoadedModel>>) -> Option<Arc<dyn LoadedModel>> {
    held.as_ref().and_then(Weak::upgrade)
}

/// The length first: what ends one file does not begin the next.
fn take_in(hasher: &mut Sha256, path: &Path) -> io::Result<()> {
    let mut file = File::open(path)?;
    hasher.update(file.metadata()?.len().to_le_bytes());
    io::copy(&mut file, hasher).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FakeEngine, FakeModel};

    #[test]
    fn the_same_bytes_loaded_in_the_same_way_are_in_memory_once() {
        let folder = tempfile::tempdir().unwrap();
        let [base, same, other] = ["base", "same", "other"].map(|name| folder.path().join(name));
        let model = FakeModel::rows(1);
        let mut fake = FakeEngine::new();
        for (path, content) in [(&base, "graph"), (&same, "graph"), (&other, "grap")] {
            std::fs::write(path, content).unwrap();
            fake = fake.with(path, &model);
        }
        let engine = SharedGraphs::wrap(Arc::new(fake.with("not/there", &model)));
        let load = |path: &Path, slots: usize| {
            let options = LoadOptions { slots, cache: Some(path.to_owned()), ..LoadOptions::default() };
            engine.load(&ModelFiles { path: path.to_owned() }, &options).unwrap()
        };
        let first = load(&base, 1);
        assert!(Arc::ptr_eq(&first, &load(&same, 1)));
        assert_eq!(model.counts().loads, 1);
        let (differing, wider) = (load(&other, 1), load(&base, 2));
        assert!(!Arc::ptr_eq(&first, &differing) && !Arc::ptr_eq(&first, &wider));
        assert_eq!(model.counts().loads, 3);
        drop(first);
        drop(load(&same, 1));
        assert_eq!((model.counts().loads, model.counts().loaded_alive), (4, 2), "it went with the last that used it");
        std::fs::write(&base, "edited").unwrap();
        drop((load(&base, 1), load(Path::new("not/there"), 1)));
        assert_eq!(model.counts().loads, 6);
    }

    /// Writes over the file while it is loaded, as somebody does who exchanges a model.
    struct WrittenOver(FakeEngine);

    impl Engine for WrittenOver {
        fn info(&self) -> EngineInfo {
            self.0.info()
        }

        fn inspect(&self, files: &ModelFiles) -> Result<Signature, EngineError> {
            self.0.inspect(files)
        }

        fn data_files(&self, files: &ModelFiles) -> Result<Vec<PathBuf>, EngineError> {
            self.0.data_files(files)
        }

        fn load(&self, files: &ModelFiles, options: &LoadOptions) -> Result<Arc<dyn LoadedModel>, EngineError> {
            if files.path.ends_with("base") {
                std::fs::write(&files.path, "another graph").unwrap();
            }
            self.0.load(files, options)
        }
    }

    #[test]
    fn what_is_written_over_while_it_is_loaded_is_not_shared_as_what_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let [base, same] = ["base", "same"].map(|name| folder.path().join(name));
        let model = FakeModel::rows(1);
        for path in [&base, &same] {
            std::fs::write(path, "graph").unwrap();
        }
        let engine =
            SharedGraphs::wrap(Arc::new(WrittenOver(FakeEngine::new().with(&base, &model).with(&same, &model))));
        let load = |path: &Path| engine.load(&ModelFiles { path: path.to_owned() }, &LoadOptions::default()).unwrap();
        let first = load(&base);
        assert!(!Arc::ptr_eq(&first, &load(&same)), "the first may be the other graph");
    }

    #[test]
    fn of_those_who_want_it_at_once_one_loads_it_and_what_is_gone_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let model = FakeModel::rows(1);
        let paths: Vec<_> = (0..2 * GRAPHS_MAX).map(|index| folder.path().join(index.to_string())).collect();
        let mut fake = FakeEngine::new();
        for (index, path) in paths.iter().enumerate() {
            std::fs::write(path, if index < 8 { "same".to_owned() } else { index.to_string() }).unwrap();
            fake = fake.with(path, &model);
        }
        let engine = SharedGraphs { inner: Arc::new(fake), graphs: Mutex::default() };
        let load = |path: &Path| engine.load(&ModelFiles { path: path.to_owned() }, &LoadOptions::default()).unwrap();
        let held: Vec<_> = std::thread::scope(|scope| {
            let loads: Vec<_> = paths[..8].iter().map(|path| scope.spawn(|| load(path))).collect();
            loads.into_iter().map(|load| load.join().unwrap()).collect()
        });
        assert_eq!(model.counts().loads, 1);
        paths[8..].iter().for_each(|path| drop(load(path)));
        assert!(engine.graphs.lock().len() <= GRAPHS_MAX);
        assert!(Arc::ptr_eq(&held[0], &load(&paths[7])), "what is in use is remembered");
    }
}
