//! Which frames of a video are looked at.

use serde::{Deserialize, Serialize};
use std::num::NonZeroU32;

/// Which frames of a video are looked at. By default all of them. Part of a job's payload and of a journal's header.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FrameChoice {
    /// Every N-th frame, beginning with the first.
    pub every: NonZeroU32,
    /// No more frames of a second of video than this.
    pub fps: Option<f64>,
    /// Only frames that need no other frame: some hundred times faster to decode.
    pub keyframes: bool,
    /// Only frames that differ from the one before by more than this, 0 to 1, and the first: changes of scene.
    pub scene_change: Option<f64>,
    /// No more frames than this.
    pub frames_max: Option<u64>,
    /// Where to begin, in seconds from the start.
    pub start_s: f64,
    /// Where to end, in seconds from the start.
    pub end_s: Option<f64>,
}

impl Default for FrameChoice {
    fn default() -> Self {
        Self {
            every: NonZeroU32::MIN,
            fps: None,
            keyframes: false,
            scene_change: None,
            frames_max: None,
            start_s: 0.0,
            end_s: None,
        }
    }
}
