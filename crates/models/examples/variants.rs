//! What a base and variants of it take in one process: `variants ENGINE FOLDER [ADAPTER|-]...` loads one model for each ADAPTER (`-`: the
//! base) behind an engine whose models share graphs, and tells how much the process has grown by.
#![expect(clippy::unwrap_used, reason = "a measurement that ends where it cannot go on")]

use samovar_engines::{Locations, SharedGraphs, configure_heap, present, trim_heap};
use samovar_models::{FamilyHints, binder};
use samovar_runtime::{
    DeviceOptions, ModelSource, ModelSpec, PlanOptions, Precision, PrecisionChoice, Registry, RegistryOptions,
    resident_bytes,
};
use std::path::PathBuf;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [engine, folder, adapters @ ..] = arguments.as_slice() else { return };
    configure_heap();
    let found = present(&Locations::from_environment()).into_iter().find(|found| found.info().name == engine).unwrap();
    let folder = PathBuf::from(folder);
    let spec = |(index, adapter): (usize, &String)| {
        let adapter = (adapter != "-").then(|| PathBuf::from(adapter));
        let hints = FamilyHints { assets: Some(folder.clone()), adapter, ..FamilyHints::default() };
        let source = ModelSource::file(folder.join("onnx/encoder_model.onnx"));
        let precision = PrecisionChoice::Fixed(Precision::F32);
        ModelSpec { precision, ..ModelSpec::new(format!("model-{index}"), source, binder(hints)) }
    };
    let kept = tempfile::tempdir().unwrap();
    let mut options = RegistryOptions::new(vec![SharedGraphs::wrap(found)]);
    options.device = DeviceOptions { slots: 1, ..DeviceOptions::default() };
    options.plans = PlanOptions { folder: Some(kept.path().into()), background: false, ..PlanOptions::default() };
    let registry = Registry::start(options, adapters.iter().enumerate().map(spec).collect()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let before = resident_bytes();
    for index in 0..adapters.len() {
        runtime.block_on(registry.load(&format!("model-{index}"))).unwrap().map_err(|failure| failure.reason).unwrap();
        trim_heap();
        let grown = resident_bytes().saturating_sub(before) as f64 / f64::from(1 << 20);
        println!("{} models: {grown:.1} MiB", index + 1);
    }
}
