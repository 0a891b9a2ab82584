//! What is done with a source: the frames it is to give, the pipeline that looks at them, and where its events go.

use crate::AnomalySettings;
use samovar_models::DetectOptions;
use samovar_pipelines::SourceSpec;

/// A source, and what is done with its frames.
#[derive(Clone, Debug)]
pub struct SourceSettings {
    /// Where it is and what it is to give. Its name consists of letters, digits, `.`, `_` and `-`. Its `clip` is set by the server where
    /// evidence is kept.
    pub spec: SourceSpec,
    /// What looks at its frames.
    pub pipeline: SourcePipeline,
    /// Names of the sinks that its events go to.
    pub sinks: Vec<String>,
    /// Whether a picture and a clip of its anomalies are kept, where the server keeps evidence.
    pub evidence: bool,
}

/// What looks at the frames of a source.
#[derive(Clone, Debug)]
pub enum SourcePipeline {
    /// People are followed, and unusual movements told.
    Anomaly(AnomalySettings),
    /// Objects are found in every frame.
    Detect {
        /// Configured name of the detector; none for the server's default.
        model: Option<String>,
        /// Thresholds.
        options: DetectOptions,
    },
}

impl SourceSettings {
    /// An anomaly source with the usual models and options, without sinks or evidence.
    pub fn new(spec: SourceSpec) -> Self {
        Self { spec, pipeline: SourcePipeline::Anomaly(AnomalySettings::default()), sinks: Vec::new(), evidence: false }
    }
}

impl SourcePipeline {
    /// The word for it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Anomaly(_) => "anomaly",
            Self::Detect { .. } => "detect",
        }
    }

    /// The models that are named.
    pub(crate) fn models(&self) -> Vec<String> {
        match self {
            Self::Anomaly(AnomalySettings { pose, detector, sequence, appearance, .. }) => {
                [detector, pose, sequence, appearance].into_iter().flatten().cloned().collect()
            }
            Self::Detect { model, .. } => model.iter().cloned().collect(),
        }
    }
}
