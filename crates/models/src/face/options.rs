//! What a caller may choose about finding faces.

use crate::OptionsError;
use crate::detect_options::in_unit;

/// Thresholds and limits of finding faces.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FaceOptions {
    /// Only what scores above this is reported, in 0..=1. Default 0.7: OpenCV's own 0.9 loses faces that are small or reach over
    /// an edge, and on photographs what is none has scored below 0.4.
    pub score_min: f32,
    /// Two boxes that overlap by more than this (intersection over union, in 0..=1) count as one face. Default 0.3, as
    /// `cv2.FaceDetectorYN` has it.
    pub iou_max: f32,
    /// The most faces that are reported, 1..=`FACES_MAX`. Default 300.
    pub faces_max: usize,
}

/// The most faces that may be asked for.
pub const FACES_MAX: usize = 1_000;

impl Default for FaceOptions {
    fn default() -> Self {
        Self { score_min: 0.7, iou_max: 0.3, faces_max: 300 }
    }
}

impl FaceOptions {
    /// Whether every value is within its bounds.
    ///
    /// # Errors
    /// The first value that is not, with what it may be.
    pub fn validate(&self) -> Result<(), OptionsError> {
        in_unit("score_min", self.score_min)?;
        in_unit("iou_max", self.iou_max)?;
        let bounded = (1..=FACES_MAX).contains(&self.faces_max);
        bounded.then_some(()).ok_or(OptionsError::FacesMax(self.faces_max))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_out_of_bounds_is_refused() {
        let default = FaceOptions::default();
        assert_eq!(default.validate(), Ok(()));
        let bad = [
            FaceOptions { score_min: f32::NAN, ..default },
            FaceOptions { score_min: 1.1, ..default },
            FaceOptions { iou_max: -0.1, ..default },
            FaceOptions { faces_max: 0, ..default },
            FaceOptions { faces_max: FACES_MAX + 1, ..default },
        ];
        for options in bad {
            assert_eq!(options.validate().unwrap_err().code(), "invalid_option", "{options:?}");
        }
    }
}
