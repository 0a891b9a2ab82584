//! Sentences a second of the engine alone: one runner on each slot. The same input over and over, and the very batches that requests of
//! 32 sentences make, one after the other.

use super::arguments::BenchServiceArguments;
use super::report::EngineAlone;
use crate::bench::load::sentences;
use crate::bench::throughput::{self, engine_failed};
use crate::config::ConfigFile;
use crate::failure::CliError;
use crate::{here, model_choice};
use samovar_engine_api::{Device, LoadOptions, LoadedModel, ModelFiles, Runner};
use samovar_models::TextEmbeddingModel;
use samovar_runtime::Generation;
use std::any::Any;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Sentences of one run.
const BATCHES: [usize; 4] = [1, 8, 16, 32];
/// Tokens of each, padding included: sentences of 6 to 24 words have 8 to 30.
const TOKENS: usize = 24;
/// Sentences of one request, whose batches are measured.
const SENTENCES: usize = 32;

/// Rows and tokens of one run.
type Batch = (usize, usize);

/// Measures each batch on engine, precision and slots that the runtime has chosen.
///
/// # Errors
/// The model, or what the engine says.
pub async fn engine_alone(
    arguments: &BenchServiceArguments,
    model: &Path,
    duration: Duration,
) -> Result<Vec<EngineAlone>, CliError> {
    let file = ConfigFile::default();
    let named = model_choice::file_or_name(&model.to_string_lossy(), &file.config, &arguments.choices)?;
    let registry = here::registry(&file.config, vec![model_choice::spec(&named)?], None)?;
    let generation = registry.load(&named.0).await??;
    let inputs = generation.signature.inputs.len();
    let engines = here::engines(&file.config);
    let engine = engines.into_iter().find(|engine| engine.info().name == generation.engine);
    let engine = engine.ok_or_else(|| CliError::new("engine_unavailable", "the engine went away while measuring"))?;
    let options = LoadOptions {
        precision: generation.precision,
        device: Device::Cpu,
        slots: generation.slots,
        threads: generation.threads,
        ..LoadOptions::default()
    };
    let files = ModelFiles { path: named.1.path };
    let weights = engine.load(&files, &options).map_err(|error| engine_failed(&error))?;
    let slots = (generation.slots, generation.threads);
    let row = |batch: usize, tokens: usize, sentences_per_second: f64| EngineAlone {
        engine: format!("{} {}", generation.engine, generation.engine_version),
        precision: generation.precision.name(),
        batch,
        tokens,
        sentences_per_second,
    };
    let measure = |batch: usize| {
        let runs = throughput::engine_alone(&weights, &vec![vec![batch, TOKENS]; inputs], slots, duration)?;
        Ok(row(batch, TOKENS, runs * batch as f64))
    };
    let mut measured = BATCHES.into_iter().map(measure).collect::<Result<Vec<_>, CliError>>()?;
    let batches = batches(&generation);
    if !batches.is_empty() {
        measured.push(row(SENTENCES, 0, in_turn(&weights, (inputs, &batches), slots, duration)?));
    }
    Ok(measured)
}

/// The runs that requests of made-up sentences come to; none for a model that is none of texts.
fn batches(generation: &Generation) -> Vec<Batch> {
    let family: Arc<dyn Any + Send + Sync> = generation.family.clone();
    let Ok(model) = family.downcast::<TextEmbeddingModel>() else { return Vec::new() };
    let longest = model.row_tokens(&"word ".repeat(TOKENS)).unwrap_or(TOKENS).max(1);
    let budget = generation.batch_max() * longest;
    let mut batches = Vec::new();
    for request in sentences().chunks(SENTENCES) {
        let mut rows: BTreeMap<usize, usize> = BTreeMap::new();
        for tokens in request.iter().filter_map(|text| model.row_tokens(text).ok()) {
            *rows.entry(tokens).or_default() += 1;
        }
        for (tokens, mut left) in rows {
            let most = (budget / tokens).max(1);
            while left > 0 {
                batches.push((left.min(most), tokens));
                left -= left.min(most);
            }
        }
    }
    batches
}

/// Every batch in its turn, on every slot.
fn in_turn(
    weights: &Arc<dyn LoadedModel>,
    (inputs, batches): (usize, &[Batch]),
    (slots, threads): (usize, usize),
    time: Duration,
) -> Result<f64, CliError> {
    let runner = |_| throughput::runner(weights, &vec![vec![1, TOKENS]; inputs], threads);
    let mut runners = (0..slots).map(runner).collect::<Result<Vec<_>, _>>()?;
    for runner in &mut runners {
        batches
            .iter()
            .try_for_each(|batch| run(runner.as_mut(), inputs, *batch))
            .map_err(|error| engine_failed(&error))?;
    }
    let (stop, sentences) = (AtomicBool::new(false), AtomicU64::new(0));
    let started = Instant::now();
    let failed = std::thread::scope(|scope| {
        let spin = |(slot, runner): (usize, &mut Box<dyn Runner>)| {
            for batch in batches.iter().cycle().skip(slot * batches.len() / slots) {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                run(runner.as_mut(), inputs, *batch)?;
                sentences.fetch_add(batch.0 as u64, Ordering::Relaxed);
            }
            Ok(())
        };
        let threads: Vec<_> = runners.iter_mut().enumerate().map(|at| scope.spawn(move || spin(at))).collect();
        std::thread::sleep(time);
        stop.store(true, Ordering::Relaxed);
        let joined = |thread: std::thread::ScopedJoinHandle<'_, _>| thread.join().unwrap_or(Ok(()));
        threads.into_iter().find_map(|thread| joined(thread).err())
    });
    let rate = sentences.load(Ordering::Relaxed) as f64 / started.elapsed().as_secs_f64();
    failed.map_or(Ok(rate), |error| Err(engine_failed(&error)))
}

fn run(runner: &mut dyn Runner, inputs: usize, (rows, tokens): Batch) -> Result<(), samovar_engine_api::EngineError> {
    for index in 0..inputs {
        runner.input(index, &[rows, tokens])?.into_slice::<i64>()?.fill(1);
    }
    runner.run()
}
