//! What a caller may choose about one detection.

use crate::FACES_MAX;
use std::sync::Arc;

/// Thresholds and limits of one detection.
#[derive(Clone, Debug, PartialEq)]
pub struct DetectOptions {
    /// Only what scores above this is reported, in 0..=1. Default 0.25, as ultralytics' `predict` has it.
    pub score_min: f32,
    /// Two boxes of one class that overlap by more than this (intersection over union, in 0..=1) count as one object. None takes
    /// the default of the model's own reference code: 0.7 for v8 and v11 (ultralytics), 0.45 for v5 and for YOLOX.
    pub iou_max: Option<f32>,
    /// The most objects that are reported, 1..=`DETECTIONS_MAX`. Default 300.
    pub detections_max: usize,
    /// The classes that are reported, by index; none means all of them.
    pub classes: Option<Arc<[u32]>>,
}

/// The most objects that one detection may ask for.
pub const DETECTIONS_MAX: usize = 3_000;

impl Default for DetectOptions {
    fn default() -> Self {
        Self { score_min: 0.25, iou_max: None, detections_max: 300, classes: None }
    }
}

impl DetectOptions {
    /// Whether every value is within its bounds.
    ///
    /// # Errors
    /// The first value that is not, with what it may be.
    pub fn validate(&self) -> Result<(), OptionsError> {
        in_unit("score_min", self.score_min)?;
        self.iou_max.map_or(Ok(()), |value| in_unit("iou_max", value))?;
        if !(1..=DETECTIONS_MAX).contains(&self.detections_max) {
            return Err(OptionsError::DetectionsMax(self.detections_max));
        }
        match &self.classes {
            Some(classes) if classes.is_empty() => Err(OptionsError::NoClasses),
            _ => Ok(()),
        }
    }
}

/// An option that is out of its bounds. The message may reach a client.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum OptionsError {
    /// A threshold that is not a share.
    #[error("`{name}` is {value}; it must be a number from 0 to 1")]
    NotAShare {
        /// The option.
        name: &'static str,
        /// What it was set to.
        value: f32,
    },
    /// A limit that is out of range.
    #[error("`detections_max` is {0}; it must be from 1 to {DETECTIONS_MAX}")]
    DetectionsMax(usize),
    /// A limit that is out of range.
    #[error("`faces_max` is {0}; it must be from 1 to {FACES_MAX}")]
    FacesMax(usize),
    /// A time that is out of range.
    #[error("`{name}` is {value_ms}; it must be at most {most_ms} milliseconds")]
    TimeTooLong {
        /// The option.
        name: &'static str,
        /// What it was set to, in milliseconds.
        value_ms: u32,
        /// What it may be, in milliseconds.
        most_ms: u32,
    },
    /// A class filter that lets nothing through.
    #[error("`classes` is empty; leave it out to get every class")]
    NoClasses,
    /// A class that the model does not have.
    #[error("class {class} is asked for, but the model has classes 0 to {last}")]
    UnknownClass {
        /// What was asked for.
        class: u32,
        /// The last class of the model.
        last: usize,
    },
    /// A class name that the model does not have.
    #[error("the model has no class `{0}`; GET /v1/models lists them")]
    UnknownLabel(String),
}

impl OptionsError {
    /// The stable machine code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::UnknownClass { .. } | Self::UnknownLabel(_) => "unknown_class",
            Self::NotAShare { .. }
            | Self::DetectionsMax(_)
            | Self::FacesMax(_)
            | Self::TimeTooLong { .. }
            | Self::NoClasses => "invalid_option",
        }
    }
}

pub(crate) fn in_unit(name: &'static str, value: f32) -> Result<(), OptionsError> {
    if (0.0..=1.0).contains(&value) { Ok(()) } else { Err(OptionsError::NotAShare { name, value }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid() {
        assert_eq!(DetectOptions::default().validate(), Ok(()));
    }

    #[test]
    fn what_is_out_of_bounds_is_refused() {
        let bad = [
            DetectOptions { score_min: f32::NAN, ..DetectOptions::default() },
            DetectOptions { score_min: -0.1, ..DetectOptions::default() },
            DetectOptions { iou_max: Some(1.5), ..DetectOptions::default() },
            DetectOptions { detections_max: 0, ..DetectOptions::default() },
            DetectOptions { detections_max: DETECTIONS_MAX + 1, ..DetectOptions::default() },
            DetectOptions { classes: Some(Arc::new([])), ..DetectOptions::default() },
        ];
        for options in bad {
            assert_eq!(options.validate().unwrap_err().code(), "invalid_option", "{options:?}");
        }
    }
}
