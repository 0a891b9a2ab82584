//! What anomaly streams work with where they name nothing else.

use samovar_pipelines::AnomalyOptions;

/// The models and options of anomaly streams that name none.
#[derive(Clone, Debug, Default)]
pub struct AnomalySettings {
    /// Configured name of the detector; without one the pose model's own boxes serve.
    pub detector: Option<String>,
    /// Configured name of the pose model; without one, the only one that there is.
    pub pose: Option<String>,
    /// Configured name of the pose-sequence model; without one, the only one that there is.
    pub sequence: Option<String>,
    /// Configured name of the re-identification model; without one, boxes alone tell who is who.
    pub appearance: Option<String>,
    /// The options that streams begin with.
    pub options: AnomalyOptions,
}
