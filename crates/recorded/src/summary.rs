//! What was found in a whole video, in a size that does not depend on its length.

use crate::FrameRecord;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What was found in a whole video.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Frames that were looked at.
    pub frames: u64,
    /// From the first to the last frame.
    pub duration_ms: f64,
    /// Objects in all frames together.
    pub detections: u64,
    /// By name of the class.
    pub classes: BTreeMap<String, ClassSummary>,
}

/// What was found of one class.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ClassSummary {
    /// Objects in all frames together.
    pub detections: u64,
    /// Frames with at least one.
    pub frames: u64,
    /// The most in one frame.
    pub most_in_a_frame: u64,
    /// When the first was seen.
    pub first_ms: f64,
    /// When the last was seen.
    pub last_ms: f64,
    /// The surest score.
    pub score_max: f32,
}

impl Summary {
    /// Counts a frame.
    pub fn add(&mut self, record: &FrameRecord) {
        self.frames += 1;
        self.detections += record.detections.len() as u64;
    }
}
