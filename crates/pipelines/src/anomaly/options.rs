//! When a person's movement counts as an anomaly, where and when anybody looks: all of it may change while a stream runs.

use crate::TrackerOptions;
use std::sync::Arc;
use std::time::Duration;

/// When a person's movement counts as an anomaly, where and when anybody looks.
#[derive(Clone, Debug, PartialEq)]
pub struct AnomalyOptions {
    /// Scores above which a box is a person worth following, in 0..=1.
    pub person_score_min: f32,
    /// How people are followed.
    pub tracker: TrackerOptions,
    /// Frames after which somebody new is told as `person.appeared`.
    pub appear_frames: u32,
    /// An anomaly begins when the smoothed score reaches this (the model's unit; for STG-NF bits per number).
    pub score_start: f32,
    /// It ends when the smoothed score falls below this; at most `score_start`.
    pub score_end: f32,
    /// For how long the score must stay up before an anomaly is told, and down before it is told as ended.
    pub duration_min: Duration,
    /// How often an anomaly that goes on is told again.
    pub update_every: Duration,
    /// Span of the smoothing of scores along time.
    pub smoothing: Duration,
    /// Only people whose feet stand in one of these count; none means everywhere.
    pub zones: Vec<Zone>,
    /// Anomalies are told only within this; none means always.
    pub schedule: Option<Schedule>,
    /// Frames are left out while nothing moves in the picture.
    pub motion_gate: bool,
}

/// A part of the picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Zone {
    /// Its name, told with the event.
    pub name: Arc<str>,
    /// Corners (x, y) as shares of width and height, in 0..=1; at least three.
    pub corners: Vec<[f32; 2]>,
}

/// Times of the week, local to the camera's `utc_offset`.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    /// Minutes to add to UTC.
    pub utc_offset_min: i32,
    /// Spans of the week: (first minute, end minute), counted from Monday 00:00; end above first.
    pub spans: Vec<(u16, u16)>,
}

/// Options that make no sense. The sentence names the field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct AnomalyOptionsError(pub String);

impl Default for AnomalyOptions {
    fn default() -> Self {
        Self {
            person_score_min: 0.25,
            tracker: TrackerOptions::default(),
            appear_frames: 3,
            score_start: 3.0,
            score_end: 1.5,
            duration_min: Duration::from_millis(500),
            update_every: Duration::from_secs(1),
            smoothing: Duration::from_millis(500),
            zones: Vec::new(),
            schedule: None,
            motion_gate: false,
        }
    }
}

impl AnomalyOptions {
    /// Whether every field is within its bounds.
    ///
    /// # Errors
    /// The first that is not.
    pub fn validate(&self) -> Result<(), AnomalyOptionsError> {
        Ok(())
    }
}
