//! What the streams of the demo are looked at for, and by which models.

/// What the streams are looked at for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Looking {
    /// Objects, by that model.
    Detect(String),
    /// People and unusual movements.
    Anomaly {
        /// Finds key points.
        pose: String,
        /// Scores movements.
        sequence: String,
    },
}

impl Looking {
    /// Where such a stream is opened.
    pub fn stream_path(&self) -> String {
        match self {
            Self::Detect(model) => format!("/v1/streams/detect?model={model}"),
            Self::Anomaly { .. } => "/v1/streams/anomaly".to_owned(),
        }
    }

    /// Where one picture is looked at by the model that looks at every frame.
    pub fn picture_path(&self) -> String {
        match self {
            Self::Detect(model) => format!("/v1/detect?model={model}"),
            Self::Anomaly { pose, .. } => format!("/v1/pose?model={pose}"),
        }
    }

    /// The models by name, the one that looks at every frame first.
    pub fn models(&self) -> Vec<&str> {
        match self {
            Self::Detect(model) => vec![model],
            Self::Anomaly { pose, sequence } => vec![pose, sequence],
        }
    }
}
