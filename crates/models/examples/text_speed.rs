//! Sentences a second of a text encoder through the runtime, for every engine and precision that is here.
//!
//! `cargo run --release -p samovar-models --example text_speed -- FOLDER`, with `model.onnx` and `tokenizer.json` in the folder.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a program that measures and prints")]

use samovar_engine_api::{Engine, Precision};
use samovar_engines::{Locations, present};
use samovar_models::{EmbedOptions, FamilyHints, TextEmbedder, TextInput, binder};
use samovar_runtime::{
    Call, Class, DeviceOptions, ModelSource, ModelSpec, PrecisionChoice, Registry, RegistryOptions, StreamKey,
};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const SENTENCES: [&str; 6] = [
    "That is a happy person",
    "The weather is lovely today, so we went to the park.",
    "How do I reset my password?",
    "A man is eating a piece of bread.",
    "Quarterly revenue grew by nine percent compared with last year.",
    "The quick brown fox jumps over the lazy dog",
];
const SPAN: Duration = Duration::from_secs(2);

fn main() {
    let folder = PathBuf::from(std::env::args().nth(1).unwrap());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    for engine in present(&Locations::from_environment()) {
        for precision in engine.info().precisions.into_iter().take(2) {
            let began = Instant::now();
            let registry = registry(Arc::clone(&engine), precision, &folder);
            if let Err(failure) = runtime.block_on(registry.load("model")).unwrap() {
                println!("{} {precision}: {}", engine.info().name, failure.reason);
                continue;
            }
            let embedder = TextEmbedder::new(registry.model("model").unwrap());
            let figures = embedder.handle().generation().unwrap().figures();
            println!(
                "{} {precision}: ready in {:.2} s, warm-up {:.2} s in {} runs",
                engine.info().name,
                began.elapsed().as_secs_f64(),
                figures.warm_up.as_secs_f64(),
                figures.warm_up_runs
            );
            for (clients, texts) in [(1, 1), (1, 8), (1, 32), (1, 256), (8, 1), (32, 1)] {
                let (rate, median) = runtime.block_on(drive(&embedder, clients, texts));
                println!(
                    "  {clients:2} clients × {texts:3} sentences: {rate:6.0}/s, half of them within {median:6.1} ms"
                );
            }
        }
    }
}

fn registry(engine: Arc<dyn Engine>, precision: Precision, folder: &Path) -> Registry {
    let hints = FamilyHints { assets: Some(folder.to_owned()), ..FamilyHints::default() };
    let source = ModelSource::file(folder.join("model.onnx"));
    let precision = PrecisionChoice::Fixed(precision);
    let spec = ModelSpec { precision, preload: false, ..ModelSpec::new("model", source, binder(hints)) };
    let mut options = RegistryOptions::new(vec![engine]);
    options.device = DeviceOptions { slots: 2, threads: 1, ..DeviceOptions::default() };
    Registry::start(options, vec![spec]).unwrap()
}

/// Sentences a second, and the median of what a request took in milliseconds.
async fn drive(embedder: &TextEmbedder, clients: usize, texts: usize) -> (f64, f64) {
    let (done, began) = (Arc::new(AtomicUsize::new(0)), Instant::now());
    let tasks: Vec<_> = (0..clients)
        .map(|client| tokio::spawn(one_client(embedder.clone(), client, texts, Arc::clone(&done), began + SPAN)))
        .collect();
    let mut times = Vec::new();
    for task in tasks {
        times.extend(task.await.unwrap());
    }
    let rate = done.load(Ordering::Relaxed) as f64 / began.elapsed().as_secs_f64();
    times.sort_unstable();
    (rate, times[times.len() / 2].as_secs_f64() * 1e3)
}

async fn one_client(
    embedder: TextEmbedder,
    client: usize,
    texts: usize,
    done: Arc<AtomicUsize>,
    until: Instant,
) -> Vec<Duration> {
    let (mut times, mut next) = (Vec::new(), client);
    while Instant::now() < until || times.is_empty() {
        let batch = (0..texts).map(|text| TextInput::Text(SENTENCES[(next + text) % SENTENCES.len()].to_owned()));
        let call = Call::new(Class::Interactive, StreamKey(client as u64));
        let began = Instant::now();
        let found = embedder.embed(batch.collect(), &EmbedOptions::default(), call).await.unwrap();
        times.push(began.elapsed());
        done.fetch_add(found.len(), Ordering::Relaxed);
        next += texts;
    }
    times
}
