//! Sentences a second of the engine alone: one runner on each slot, the same input over and over.

use super::arguments::BenchServiceArguments;
use super::report::EngineAlone;
use crate::bench::throughput;
use crate::config::ConfigFile;
use crate::failure::CliError;
use crate::{here, model_choice};
use samovar_engine_api::{Device, LoadOptions, ModelFiles};
use std::path::Path;
use std::time::Duration;

/// Sentences of one run.
const BATCHES: [usize; 4] = [1, 8, 16, 32];
/// Tokens of each, padding included: sentences of 6 to 24 words have 8 to 30.
const TOKENS: usize = 24;

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
    let weights = engine.load(&files, &options).map_err(|error| throughput::engine_failed(&error))?;
    let slots = (generation.slots, generation.threads);
    let measure = |batch: usize| {
        let runs = throughput::engine_alone(&weights, &vec![vec![batch, TOKENS]; inputs], slots, duration)?;
        Ok(EngineAlone {
            engine: format!("{} {}", generation.engine, generation.engine_version),
            precision: generation.precision.name(),
            batch,
            tokens: TOKENS,
            sentences_per_second: runs * batch as f64,
        })
    };
    BATCHES.into_iter().map(measure).collect()
}
