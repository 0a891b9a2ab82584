//! One model, loaded and warm, for commands that run it here.

use crate::arguments::ModelChoices;
use crate::config::ConfigFile;
use crate::failure::CliError;
use crate::{here, model_choice};
use samovar_models::{Detector, Segmenter};
use samovar_runtime::{Generation, Registry};
use std::sync::Arc;

/// A model that is ready.
pub struct LoadedModel {
    /// Owns the device; everything ends with it.
    _registry: Registry,
    /// The way to detections.
    pub detector: Detector,
    /// What serves.
    pub generation: Arc<Generation>,
}

/// Loads and warms the model that `text` (a file or a configured name) means.
///
/// # Errors
/// Why it cannot be had, with the cure.
pub async fn load(text: &str, choices: &ModelChoices, file: &ConfigFile) -> Result<LoadedModel, CliError> {
    load_for(text, choices, file, &LoadHints::default()).await
}

/// What is known of the pictures that a model is loaded for.
#[derive(Clone, Debug, Default)]
pub struct LoadHints {
    /// Frames in one run at most.
    pub batch_size: Option<usize>,
    /// (width, height) in pixels of all pictures that will come; empty where that is not known.
    pub pictures: Vec<(u32, u32)>,
}

/// The same for what is known to come.
///
/// # Errors
/// As [`load`].
pub async fn load_for(
    text: &str,
    choices: &ModelChoices,
    file: &ConfigFile,
    hints: &LoadHints,
) -> Result<LoadedModel, CliError> {
    let mut named = model_choice::file_or_name(text, &file.config, choices)?;
    named.1.batch_max = hints.batch_size.or(named.1.batch_max);
    let registry = here::registry(&file.config, vec![model_choice::spec_for(&named, &hints.pictures)?], None)?;
    let generation = registry.load(&named.0).await??;
    let detector = Detector::new(registry.model(&named.0)?);
    detector.model()?;
    Ok(LoadedModel { _registry: registry, detector, generation })
}

/// A segmentation model that is ready.
pub struct LoadedSegmenter {
    /// Owns the device; everything ends with it.
    _registry: Registry,
    /// The way to class maps.
    pub segmenter: Segmenter,
    /// What serves.
    pub generation: Arc<Generation>,
}

/// Loads and warms the segmentation model that `text` (a file or a configured name) means.
///
/// # Errors
/// Why it cannot be had, with the cure.
pub async fn load_segmenter(
    text: &str,
    choices: &ModelChoices,
    file: &ConfigFile,
) -> Result<LoadedSegmenter, CliError> {
    let named = model_choice::file_or_name(text, &file.config, choices)?;
    let registry = here::registry(&file.config, vec![model_choice::spec(&named)?], None)?;
    let generation = registry.load(&named.0).await??;
    let segmenter = Segmenter::new(registry.model(&named.0)?);
    segmenter.model()?;
    Ok(LoadedSegmenter { _registry: registry, segmenter, generation })
}
