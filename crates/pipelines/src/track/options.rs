//! How people are followed: thresholds of scores and costs, and how long and how many are remembered.

/// How people are followed. The defaults are ultralytics' for ByteTrack, and its BoT-SORT's for appearance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrackerOptions {
    /// Scores from which a box takes part in the first association.
    pub score_high: f32,
    /// Scores above which a box takes part in the second.
    pub score_low: f32,
    /// Scores from which a box that matches nobody begins a track; of no effect below `score_high`.
    pub score_new: f32,
    /// Cost (1 − IoU × score) up to which a box and a track may be matched.
    pub cost_max: f32,
    /// Frames for which a track that is not found is remembered.
    pub lost_frames_max: u32,
    /// Tracks held at most, and boxes of one frame that are looked at. Beyond it the boxes of the lowest scores are left out,
    /// and those who have been lost for the longest are forgotten.
    pub tracks_max: usize,
    /// IoU from which appearance may bring a box and a track together.
    pub appearance_iou_min: f32,
    /// Similarity of appearance (cosine) from which it does.
    pub appearance_similarity_min: f32,
}

/// Options that make no sense. The sentence names the field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{field}` must be {bounds}")]
pub struct TrackerOptionsError {
    /// The field.
    pub field: &'static str,
    /// What it may be.
    pub bounds: &'static str,
}

impl TrackerOptions {
    /// `lost_frames_max` at most: it bounds the steps of one prediction.
    pub const LOST_FRAMES_LIMIT: u32 = 10_000;
    /// `tracks_max` at most: the time of an assignment rises with its third power.
    pub const TRACKS_LIMIT: usize = 1_000;

    /// Whether every field is within its bounds.
    ///
    /// # Errors
    /// The first that is not.
    pub fn validate(&self) -> Result<(), TrackerOptionsError> {
        self.shares()
            .into_iter()
            .try_for_each(|(field, value)| within((0.0..=1.0).contains(&value), field, "a number from 0 to 1"))?;
        within(self.score_low <= self.score_high, "score_low", "at most `score_high`")?;
        within(self.lost_frames_max <= Self::LOST_FRAMES_LIMIT, "lost_frames_max", "at most 10000")?;
        within((1..=Self::TRACKS_LIMIT).contains(&self.tracks_max), "tracks_max", "from 1 to 1000")
    }

    const fn shares(&self) -> [(&'static str, f32); 6] {
        [
            ("score_high", self.score_high),
            ("score_low", self.score_low),
            ("score_new", self.score_new),
            ("cost_max", self.cost_max),
            ("appearance_iou_min", self.appearance_iou_min),
            ("appearance_similarity_min", self.appearance_similarity_min),
        ]
    }

    /// The same, held to the limits that keep one frame's work bounded, whatever was given.
    pub(super) fn bounded(self) -> Self {
        Self {
            lost_frames_max: self.lost_frames_max.min(Self::LOST_FRAMES_LIMIT),
            tracks_max: self.tracks_max.clamp(1, Self::TRACKS_LIMIT),
            ..self
        }
    }
}

impl Default for TrackerOptions {
    fn default() -> Self {
        Self {
            score_high: 0.25,
            score_low: 0.1,
            score_new: 0.25,
            cost_max: 0.8,
            lost_frames_max: 30,
            tracks_max: 300,
            appearance_iou_min: 0.5,
            appearance_similarity_min: 0.6,
        }
    }
}

fn within(holds: bool, field: &'static str, bounds: &'static str) -> Result<(), TrackerOptionsError> {
    if holds { Ok(()) } else { Err(TrackerOptionsError { field, bounds }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_field_out_of_bounds_is_named() {
        let fine = TrackerOptions::default();
        assert_eq!(fine.validate(), Ok(()));
        let named = |options: TrackerOptions| options.validate().unwrap_err().field;
        assert_eq!(named(TrackerOptions { cost_max: f32::NAN, ..fine }), "cost_max");
        assert_eq!(named(TrackerOptions { score_low: 0.3, ..fine }), "score_low");
        assert_eq!(named(TrackerOptions { lost_frames_max: 10_001, ..fine }), "lost_frames_max");
        assert_eq!(named(TrackerOptions { tracks_max: 0, ..fine }), "tracks_max");
        assert_eq!(fine.bounded(), fine);
        assert_eq!(TrackerOptions { lost_frames_max: u32::MAX, ..fine }.bounded().lost_frames_max, 10_000);
    }
}
