//! Messages of a live segmentation stream as JSON: events out, control messages in.

use super::{MapSizeName, MaskForm, SegmentAnswer, ms};
use samovar_pipelines::{Mode, ModeChanged};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;
use utoipa::ToSchema;

/// An event of a stream of segmentations, beside those of every stream. `type` tells which.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum SegmentEventBody {
    /// The first mode's model is warm: frames are looked at from now on.
    Ready {
        /// The stream's name at `/v1/streams`.
        stream: String,
        /// The mode.
        #[schema(value_type = String, example = "fast")]
        mode: Arc<str>,
        /// Whether the server chooses the mode.
        auto: bool,
        /// The modes that there are, fastest first.
        modes: Vec<ModeBody>,
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
        /// The names of its classes, in order.
        labels: Vec<String>,
        /// What is in force.
        options: SegmentOptionsBody,
    },
    /// What was seen in a frame.
    Result {
        /// Number of the frame, from 0 in the order of arrival.
        frame: u64,
        /// What was seen.
        #[serde(flatten)]
        answer: Box<SegmentAnswer>,
    },
    /// Another mode is being made ready; frames go on in the old one. The answer to a mode message, or the server's own choice.
    ModeChanging(ModeChange),
    /// Every frame after this is looked at in the new mode, every one before it was in the old one.
    ModeChanged {
        /// From which to which.
        #[serde(flatten)]
        change: ModeChange,
        /// The model's configured name.
        model: String,
        /// Which loaded copy serves.
        generation: u64,
        /// The version of the model's folder, where it has versions.
        #[serde(skip_serializing_if = "Option::is_none")]
        version: Option<u64>,
        /// Whether its model was found warm.
        warm: bool,
        /// From the request for it to the switch.
        took_ms: f64,
        /// The names of its classes, in order.
        labels: Vec<String>,
    },
    /// What is in force from the next frame on: the answer to an options message.
    Options(SegmentOptionsBody),
}

/// From which mode to which.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ModeChange {
    /// The new mode.
    #[schema(value_type = String, example = "sota")]
    pub(crate) mode: Arc<str>,
    /// The old mode.
    #[schema(value_type = String, example = "fast")]
    pub(crate) from: Arc<str>,
    /// Whether the server chooses the mode.
    pub(crate) auto: bool,
}

/// One mode.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ModeBody {
    /// Its name.
    #[schema(value_type = String, example = "fast")]
    mode: Arc<str>,
    /// The configured name of its model.
    #[schema(example = "segment-fast")]
    model: String,
    /// Where the model is in its life.
    #[schema(example = "ready")]
    state: &'static str,
}

/// What is in force.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SegmentOptionsBody {
    /// The form of the masks.
    pub(crate) mask: MaskForm,
    /// Their size.
    pub(crate) map: MapSizeName,
    /// How far polygons may leave the edges of pixels, in pixels.
    pub(crate) simplify_px: f32,
    /// How long a frame may take before `auto` takes a faster mode: what was asked for, or the usual time between two frames.
    pub(crate) deadline_ms: f64,
}

/// A message from the client. Unknown types and fields are answered with an error event.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum SegmentControl {
    /// Another mode, as soon as its model is warm. `auto` leaves the choice to the server.
    Mode {
        /// One of the modes that `ready` lists, or `auto`.
        mode: String,
    },
    /// Other options from the next frame on; what is left out stays as it is.
    Options {
        /// The form of the masks.
        mask: Option<MaskForm>,
        /// Their size.
        map: Option<MapSizeName>,
        /// From 0 to 100.
        simplify_px: Option<f32>,
        /// From 1 to 60,000; 0 goes back to the time between two frames.
        deadline_ms: Option<u64>,
    },
}

impl SegmentEventBody {
    /// The change to a mode with these class names.
    pub(crate) fn changed(changed: ModeChanged, labels: Vec<String>) -> Self {
        let ModeChanged { mode, from, generation, warm, took, auto, .. } = changed;
        Self::ModeChanged {
            change: ModeChange { mode, from, auto },
            model: generation.name.to_string(),
            generation: generation.number,
            version: generation.version,
            warm,
            took_ms: ms(took),
            labels,
        }
    }
}

impl From<&Mode> for ModeBody {
    fn from(mode: &Mode) -> Self {
        let handle = mode.segmenter.handle();
        Self { mode: Arc::clone(&mode.name), model: handle.name().to_owned(), state: handle.state().name() }
    }
}

impl SegmentOptionsBody {
    pub(crate) fn new(mask: MaskForm, map: MapSizeName, simplify_px: f32, deadline: Duration) -> Self {
        Self { mask, map, simplify_px, deadline_ms: ms(deadline) }
    }
}
