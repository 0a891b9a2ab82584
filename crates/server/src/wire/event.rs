//! Messages of a live stream as JSON: events out, control messages in.

use super::DetectAnswer;
use samovar_models::{DetectOptions, DetectionModel};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An event of a stream of detections, beside those of every stream. `type` tells which.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum StreamEventBody {
    /// The model is warm: frames are looked at from now on.
    Ready {
        /// The stream's name at `/v1/streams`.
        stream: String,
        /// The model's configured name.
        model: String,
        /// Which loaded copy serves.
        generation: u64,
        /// The version of the model's folder, where it has versions.
        #[serde(skip_serializing_if = "Option::is_none")]
        version: Option<u64>,
        /// The engine that runs it.
        engine: &'static str,
        /// The arithmetic it runs in.
        precision: &'static str,
        /// Whether the stream found it warm.
        warm: bool,
        /// From the request to this event.
        open_ms: f64,
        /// The thresholds in force.
        options: OptionsBody,
    },
    /// What was found in a frame.
    Result {
        /// Number of the frame, from 0 in the order of arrival.
        frame: u64,
        /// What was found.
        #[serde(flatten)]
        answer: DetectAnswer,
    },
    /// The thresholds that are in force from the next frame on: the answer to a control message.
    Options(OptionsBody),
}

/// Thresholds in force.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OptionsBody {
    /// Only what scores above this is reported.
    pub(crate) score_min: f32,
    /// Two boxes of a class that overlap by more than this count as one object.
    pub(crate) iou_max: f32,
    /// The most objects that are reported.
    pub(crate) detections_max: usize,
    /// The classes that are reported; null means all of them.
    pub(crate) classes: Option<Vec<u32>>,
}

impl OptionsBody {
    pub(crate) fn new(options: &DetectOptions, model: &DetectionModel) -> Self {
        Self {
            score_min: options.score_min,
            iou_max: options.iou_max.unwrap_or_else(|| model.iou_default()),
            detections_max: options.detections_max,
            classes: options.classes.as_deref().map(<[u32]>::to_vec),
        }
    }
}

/// A message from the client. Unknown types and fields are answered with an error event.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Control {
    /// Other thresholds from the next frame on; what is left out stays as it is.
    Options {
        /// In 0..=1.
        score_min: Option<f32>,
        /// In 0..=1.
        iou_max: Option<f32>,
        /// From 1 to 3,000.
        detections_max: Option<usize>,
        /// Names or indices; an empty list means all of them.
        classes: Option<Vec<ClassName>>,
    },
}

impl Control {
    /// The fields of options, for whoever sent others.
    pub(crate) const FIELDS: &str = "score_min, iou_max, detections_max or classes";
}

/// One class by name or index.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum ClassName {
    /// Its index.
    Index(u32),
    /// Its name.
    Name(String),
}

impl ClassName {
    /// As text: a number is an index.
    pub(crate) fn into_text(self) -> String {
        match self {
            Self::Index(index) => index.to_string(),
            Self::Name(name) => name,
        }
    }
}
