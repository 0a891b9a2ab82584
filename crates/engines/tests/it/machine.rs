//! What this machine has: model files, engines. What is absent skips a test, and fails it under `CI=true`.

use samovar_engine_api::{Engine, LoadOptions, LoadedModel, ModelFiles, Runner, RunnerOptions};
use samovar_engines::{Locations, Rten, present};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

/// The starter model called `name`, which ships with Samovar and so is always there.
pub fn starter(name: &str) -> ModelFiles {
    ModelFiles { path: repository().join("starter/models").join(name) }
}

/// The test model called `name`; none (said on the console) where it is absent. Starter models are always there.
pub fn model(name: &str) -> Option<ModelFiles> {
    if name.starts_with("starter-") {
        return Some(starter(name));
    }
    let default = repository().join("../shared/models");
    let folder = std::env::var_os("SAMOVAR_TEST_MODELS").map_or(default, PathBuf::from);
    let path = folder.join(name);
    path.is_file().then_some(ModelFiles { path }).or_else(|| skipped(&format!("no test model {name}")))
}

/// Every engine of this machine. Loaded once: libraries are per process.
pub fn engines() -> &'static [Arc<dyn Engine>] {
    static ENGINES: OnceLock<Vec<Arc<dyn Engine>>> = OnceLock::new();
    ENGINES.get_or_init(|| {
        let engines = present(&Locations::from_environment());
        for name in ["openvino", "onnxruntime"] {
            if !engines.iter().any(|engine| engine.info().name == name) {
                skipped::<()>(&format!("{name} is not installed: `samovar engine install {name}`"));
            }
        }
        engines
    })
}

/// The engine that the others are compared with.
pub fn reference() -> Arc<dyn Engine> {
    Arc::new(Rten)
}

/// Loads `files` or tells why not.
pub fn load(engine: &dyn Engine, files: &ModelFiles, options: &LoadOptions) -> Arc<dyn LoadedModel> {
    let name = engine.info().name;
    engine.load(files, options).unwrap_or_else(|error| panic!("{name}: {:?}: {error}", error.kind()))
}

/// A runner with one thread.
pub fn runner(model: &dyn LoadedModel) -> Box<dyn Runner> {
    model.runner(&RunnerOptions::default()).unwrap()
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn skipped<T>(reason: &str) -> Option<T> {
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{reason}");
    eprintln!("skipped: {reason}");
    None
}
