//! `[sources.NAME]`: a camera, an address or a file that the server opens itself; `[source_additions]`: what clients may add.

use super::AnomalySection;
use schemars::JsonSchema;
use serde::Deserialize;
use std::num::{NonZeroU16, NonZeroU32};
use std::path::PathBuf;

/// A camera, an address or a file that the server opens itself.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SourceSection {
    /// `rtsp://`, `http://`, `https://`, a device such as `/dev/video0`, or a file, which is played over and over.
    pub address: String,
    /// What is done with its frames.
    #[serde(default)]
    pub pipeline: PipelineName,
    /// The model of `pipeline = "detect"`. Default: `server.default_model`.
    #[serde(default)]
    pub model: Option<String>,
    /// What `pipeline = "detect"` tells scores above this. Default: 0.25.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub score_min: Option<f32>,
    /// Frames a second that are looked at. Default: all that come.
    #[serde(default)]
    #[schemars(range(min = 0.01, max = 120.0))]
    pub fps_max: Option<f64>,
    /// Turns it takes for each turn of a stream of weight 1, when the device is busy.
    #[serde(default = "one")]
    #[schemars(with = "u16", range(min = 1, max = 100))]
    pub weight: NonZeroU16,
    /// Pixels of a square that frames are scaled down to fit into. Default: 1280.
    #[serde(default)]
    #[schemars(with = "Option<u32>", range(min = 64, max = 4_096))]
    pub side_px_max: Option<NonZeroU32>,
    /// Decode key frames only: one in some seconds, for very little CPU.
    #[serde(default)]
    pub keyframes_only: bool,
    /// Leave frames out while nothing moves in the picture.
    #[serde(default)]
    pub motion_gate: bool,
    /// Where its events go: names of `[webhooks]`, and `mqtt`.
    #[serde(default)]
    pub sinks: Vec<String>,
    /// Keep a picture and a clip of each anomaly, below `evidence.folder`.
    #[serde(default)]
    pub evidence: bool,
    /// What differs from `[anomaly]` for this source.
    #[serde(default)]
    pub anomaly: AnomalySection,
}

/// What is done with the frames of a source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PipelineName {
    /// People are followed, and unusual movements told.
    #[default]
    Anomaly,
    /// Objects are found in every frame.
    Detect,
}

/// Which sources clients may add while the server runs. By default none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SourceAdditionsSection {
    /// Kinds of addresses: `rtsp`, `http`, `https`.
    pub schemes: Vec<String>,
    /// Hosts that they may name: `camera.local`, `*.cameras.example`.
    pub hosts: Vec<String>,
    /// Folders whose files may be played, relative to this file's folder.
    pub roots: Vec<PathBuf>,
}

const fn one() -> NonZeroU16 {
    NonZeroU16::MIN
}
