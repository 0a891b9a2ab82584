//! Seconds for a window of speech through the runtime, alone and several at once, in every precision of an engine; and the memory for it.
//!
//! `cargo run --release -p samovar-models --example speech_speed -- FOLDER ENGINE PRECISION [PLANS]`, with the export in `FOLDER/onnx`, as
//! `tools/reference/whisper_graphs.py --shapes` makes it. `samovar bench speech` is the measurement beside other programs.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a program that measures and prints")]

use samovar_engine_api::{Engine, Precision};
use samovar_engines::{Locations, present};
use samovar_models::whisper::{DecodeOptions, Language, Timestamps, Transcriber};
use samovar_models::{FamilyHints, binder};
use samovar_runtime::{
    Call, Class, DeviceOptions, ModelSource, ModelSpec, PlanOptions, PrecisionChoice, Registry, RegistryOptions,
    StreamKey,
};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

const STEPS: usize = 60;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let folder = PathBuf::from(&arguments[0]);
    let precision = if arguments[2] == "bf16" { Precision::Bf16 } else { Precision::F32 };
    let engine = present(&Locations::from_environment()).into_iter().find(|engine| engine.info().name == arguments[1]);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap();
    println!("before the load: {}", memory());
    let began = Instant::now();
    let registry = registry(engine.unwrap(), precision, &folder, arguments.get(3).map(PathBuf::from));
    runtime.block_on(registry.load("model")).unwrap().unwrap();
    let handle = registry.model("model").unwrap();
    let figures = handle.generation().unwrap().figures();
    println!("ready in {:.2} s: {}; {figures:?}", began.elapsed().as_secs_f64(), memory());
    let transcriber = Transcriber::new(handle);
    for callers in [1, 1, 1, 1, 8, 8, 16] {
        let before = transcriber.counts().unwrap();
        let began = Instant::now();
        runtime.block_on(async {
            let tasks: Vec<_> = (0..callers).map(|caller| tokio::spawn(hear(transcriber.clone(), caller))).collect();
            for task in tasks {
                task.await.unwrap();
            }
        });
        let took = began.elapsed().as_secs_f64();
        println!("{callers} at once: {:.3} s a window; {}; {before:?}", took / callers as f64, memory());
    }
}

async fn hear(transcriber: Transcriber, caller: u64) {
    let options = DecodeOptions {
        language: Some(Language::ENGLISH),
        timestamps: Timestamps::None,
        temperatures: vec![0.0],
        tokens_max: Some(STEPS),
        no_speech_threshold: None,
        logprob_threshold: None,
        compression_ratio_max: None,
        ..DecodeOptions::default()
    };
    let sound = (0..480_000).map(|at| ((at * (caller + 3)) as f32 * 0.0137).sin() * 0.3).collect();
    let text =
        transcriber.window(sound, &options, &[], Call::new(Class::Interactive, StreamKey(caller))).await.unwrap();
    assert_eq!(text.tokens.len(), STEPS, "the text ended early: another seed is needed");
}

fn registry(engine: Arc<dyn Engine>, precision: Precision, folder: &Path, plans: Option<PathBuf>) -> Registry {
    let hints = FamilyHints { assets: Some(folder.to_owned()), ..FamilyHints::default() };
    let source = ModelSource::file(folder.join("onnx/encoder_model.onnx"));
    let precision = PrecisionChoice::Fixed(precision);
    let companions = hints.companions();
    let spec = ModelSpec { precision, companions, preload: false, ..ModelSpec::new("model", source, binder(hints)) };
    let mut options = RegistryOptions::new(vec![engine]);
    options.device = DeviceOptions { slots: 2, threads: 1, ..DeviceOptions::default() };
    options.plans = PlanOptions { folder: plans, ..PlanOptions::default() };
    Registry::start(options, vec![spec]).unwrap()
}

/// What the process has resident now, of that in files, and the most that it ever had.
fn memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let of = |key: &str| {
        let line = status.lines().find(|line| line.starts_with(key)).unwrap_or_default();
        line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) / 1_000
    };
    format!("{} MB, of files {} MB, at most {} MB", of("VmRSS:"), of("RssFile:"), of("VmHWM:"))
}
