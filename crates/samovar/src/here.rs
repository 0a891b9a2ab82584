//! What this machine has, in ready form: engines, the device's set-up, ffmpeg, limits.

use crate::config::{Config, PreloadFailureName, parse_bytes};
use crate::failure::CliError;
use crate::heap_keeper::HeapKeeper;
use crate::pinned_engine::{PinnedEngine, Pins, PinsByPath};
use samovar_engine_api::Engine;
use samovar_engines::{Locations, SharedGraphs, Surveyed, present};
use samovar_media::{FfmpegProgram, ImageLimits, MediaError};
use samovar_runtime::{
    DeviceOptions, MemoryShare, ModelSpec, Observer, OnPreloadFailure, PlanOptions, Registry, RegistryOptions,
};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// The engines of this machine, in the order in which `auto` tries them, held to the configured pins. Where a model has an adapter, models
/// share the graphs that they have in common.
pub fn engines(config: &Config) -> Vec<Arc<dyn Engine>> {
    let pins: PinsByPath =
        config.models.values().filter_map(|model| Pins::of(model).map(|pins| (model.path.clone(), pins))).collect();
    let pins = Arc::new(pins);
    let found = present(&Locations::from_environment());
    let has_variants = config.models.values().any(|model| model.adapter.is_some());
    let shared = |engine| if has_variants { SharedGraphs::wrap(engine) } else { engine };
    found.into_iter().map(|engine| PinnedEngine::wrap(shared(engine), &pins)).collect()
}

/// The engines of a survey that are here, in the order in which `auto` tries them.
pub fn engine_names(survey: &[Surveyed]) -> Vec<&'static str> {
    survey.iter().filter(|one| one.info.is_some()).map(|one| one.name).collect()
}

/// A registry of `specs` on this machine, none of them loaded. It uses plans that are kept, and measures none by itself.
///
/// # Errors
/// A name that two models share.
pub fn registry(
    config: &Config,
    specs: Vec<ModelSpec>,
    observer: Option<Arc<dyn Observer>>,
) -> Result<Registry, CliError> {
    let options = registry_options(config, observer);
    start(RegistryOptions { plans: PlanOptions { background: false, ..options.plans.clone() }, ..options }, specs)
}

/// The same for a server: what has no plan is measured in the background, as configured.
///
/// # Errors
/// A name that two models share.
pub fn serving_registry(
    config: &Config,
    specs: Vec<ModelSpec>,
    observer: Arc<dyn Observer>,
) -> Result<Registry, CliError> {
    start(registry_options(config, Some(observer)), specs)
}

fn registry_options(config: &Config, observer: Option<Arc<dyn Observer>>) -> RegistryOptions {
    RegistryOptions {
        device: device_options(config),
        observer: Arc::new(HeapKeeper::new(observer)),
        memory_limit: memory_limit(config),
        on_preload_failure: on_preload_failure(config),
        plans: plan_options(config),
        ..RegistryOptions::new(engines(config))
    }
}

fn start(options: RegistryOptions, specs: Vec<ModelSpec>) -> Result<Registry, CliError> {
    Registry::start(options, specs).map_err(|name| {
        CliError::new("model_name_taken", format!("two models are called `{name}`"))
            .cure("give one of them another name: --model NAME=FILE")
            .exit(crate::failure::Exit::Usage)
    })
}

/// Bytes that all models together may take, where that is configured.
pub fn memory_limit(config: &Config) -> Option<u64> {
    config.memory.limit.as_deref().and_then(parse_bytes)
}

/// What a model that cannot be loaded at start means.
pub const fn on_preload_failure(config: &Config) -> OnPreloadFailure {
    match config.server.on_preload_failure {
        PreloadFailureName::Degraded => OnPreloadFailure::Degraded,
        PreloadFailureName::Lazy => OnPreloadFailure::Lazy,
        PreloadFailureName::Exit => OnPreloadFailure::Exit,
    }
}

/// Where plans are kept: as configured, else beside the engines.
pub fn plans_folder(config: &Config) -> PathBuf {
    let folder = config.plans.folder.clone().unwrap_or_else(|| Locations::from_environment().home.join("plans"));
    std::path::absolute(&folder).unwrap_or(folder)
}

fn plan_options(config: &Config) -> PlanOptions {
    PlanOptions {
        folder: Some(plans_folder(config)),
        background: config.plans.background,
        budget: Duration::from_secs(config.plans.budget_s),
        ..PlanOptions::default()
    }
}

/// The device as configured.
pub fn device_options(config: &Config) -> DeviceOptions {
    let mut device = DeviceOptions::default();
    device.slots = config.device.slots.unwrap_or(device.slots);
    device.threads = config.device.threads.unwrap_or(device.threads);
    device.gpu_memory = config.device.gpu_memory_fraction.and_then(MemoryShare::from_fraction);
    let queue = &config.queue;
    let policy = &mut device.policy;
    policy.job_share = queue.job_share;
    policy.interactive_share = queue.interactive_share;
    let waits = [queue.live_wait_max_ms, queue.interactive_wait_max_ms, queue.job_wait_max_ms];
    for (class, wait_max_ms) in [&mut policy.live, &mut policy.interactive, &mut policy.job].into_iter().zip(waits) {
        class.capacity = queue.capacity;
        class.wait_max = Duration::from_millis(wait_max_ms);
    }
    device
}

/// The ffmpeg program as configured, else where the environment says.
///
/// # Errors
/// `DecoderMissing`, with its cure.
pub fn ffmpeg(config: &Config) -> Result<FfmpegProgram, MediaError> {
    config.media.ffmpeg.as_deref().map_or_else(FfmpegProgram::find, FfmpegProgram::at)
}

/// Limits on pictures as configured.
pub const fn image_limits(config: &Config) -> ImageLimits {
    ImageLimits { side_px: config.media.image_side_px_max, decoded_bytes: config.media.image_decoded_bytes_max }
}
