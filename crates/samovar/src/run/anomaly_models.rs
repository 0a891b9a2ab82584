//! The models of `samovar run anomaly`, loaded and warm: as typed, else as configured, else those that ship.

use super::anomaly_arguments::AnomalyArguments;
use crate::config::ConfigFile;
use crate::failure::CliError;
use crate::model_choice::{self, NamedModel};
use crate::{here, stderr};
use samovar_models::{AppearanceEncoder, Detector, PoseEstimator, SequenceScorer};
use samovar_pipelines::AnomalyModels;
use samovar_runtime::{Registry, RunError};

/// Models that are ready.
pub struct LoadedAnomaly {
    /// Owns the device; everything ends with it.
    _registry: Registry,
    /// The way to poses and scores.
    pub models: AnomalyModels,
    /// Runs at the same time.
    pub slots: usize,
}

/// Which model has which part.
struct Parts {
    pose: NamedModel,
    sequence: NamedModel,
    detector: Option<NamedModel>,
    appearance: Option<NamedModel>,
}

/// What is used where nobody says otherwise.
const SHIPPED: (&str, &str) = ("starter-pose", "starter-stg-nf");

/// Loads and warms them.
///
/// # Errors
/// Why one cannot be had, with the cure; a model that is not of the kind its part needs.
pub async fn load(arguments: &AnomalyArguments, file: &ConfigFile) -> Result<LoadedAnomaly, CliError> {
    let parts = Parts::choose(arguments, file)?;
    let registry = here::registry(&file.config, parts.specs()?, None)?;
    let mut slots = 1;
    for model in parts.all() {
        slots = registry.load(&model.0).await??.slots.max(slots);
    }
    let handle = |model: &NamedModel| registry.model(&model.0);
    let optional = |model: &Option<NamedModel>| model.as_ref().map(handle).transpose();
    let models = AnomalyModels {
        detector: optional(&parts.detector)?.map(Detector::new),
        pose: PoseEstimator::new(handle(&parts.pose)?),
        sequence: SequenceScorer::new(handle(&parts.sequence)?),
        appearance: optional(&parts.appearance)?.map(AppearanceEncoder::new),
    };
    let unfit = |part: &str, error: RunError| {
        let mut error = CliError::from(error);
        error.message.insert_str(0, &format!("--{part}: "));
        error
    };
    models.pose.model().map_err(|error| unfit("pose", error))?;
    models.sequence.window_frames().map_err(|error| unfit("sequence", error))?;
    if let Some(detector) = &models.detector {
        detector.model().map_err(|error| unfit("detector", error))?;
    }
    if let Some(appearance) = &models.appearance {
        appearance.model().map_err(|error| unfit("appearance", error))?;
    }
    Ok(LoadedAnomaly { _registry: registry, models, slots })
}

impl Parts {
    fn choose(arguments: &AnomalyArguments, file: &ConfigFile) -> Result<Self, CliError> {
        let configured = &file.config.anomaly;
        let named = |typed: &Option<String>, configured: &Option<String>| typed.clone().or_else(|| configured.clone());
        let model = |text: &str| model_choice::file_or_name(text, &file.config, &arguments.choices);
        let optional = |text: Option<String>| text.as_deref().map(model).transpose();
        let pose = named(&arguments.pose, &configured.pose);
        let sequence = named(&arguments.sequence, &configured.sequence);
        let shipped = [(&pose, SHIPPED.0, "--pose"), (&sequence, SHIPPED.1, "--sequence")];
        for (_, name, flag) in shipped.iter().filter(|(chosen, ..)| chosen.is_none()) {
            stderr::line(&format!("{name} is used, which knows drawn streets only; name another one with {flag}"));
        }
        Ok(Self {
            pose: model(pose.as_deref().unwrap_or(SHIPPED.0))?,
            sequence: model(sequence.as_deref().unwrap_or(SHIPPED.1))?,
            detector: optional(named(&arguments.detector, &configured.detector))?,
            appearance: optional(named(&arguments.appearance, &configured.appearance))?,
        })
    }

    fn all(&self) -> impl Iterator<Item = &NamedModel> {
        [&self.pose, &self.sequence].into_iter().chain(&self.detector).chain(&self.appearance)
    }

    /// One for each model: a part may share another's, as a pose model that is the detector too.
    fn specs(&self) -> Result<Vec<samovar_runtime::ModelSpec>, CliError> {
        let mut chosen: Vec<&NamedModel> = Vec::new();
        for model in self.all() {
            if !chosen.contains(&model) {
                chosen.push(model);
            }
        }
        chosen.into_iter().map(model_choice::spec).collect()
    }
}
