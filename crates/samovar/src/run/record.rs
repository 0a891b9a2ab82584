//! One line of JSON for each picture and frame, with the names that the server's answers use.

use super::input::Input;
use crate::failure::CliError;
use samovar_models::{Detection, Detections};
use samovar_runtime::{Completed, Timings};
use serde::Serialize;
use std::time::Duration;

/// What was found in one picture or frame.
#[derive(Debug, Serialize)]
pub struct Record<'a> {
    input: &'a str,
    #[serde(flatten)]
    frame: Option<FrameRecord>,
    model: &'a str,
    engine: &'static str,
    precision: &'static str,
    image: ImageRecord,
    detections: Vec<DetectionRecord<'a>>,
    timings: TimingsRecord,
}

/// Which frame of a video.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct FrameRecord {
    /// From 0, counted over all frames of the video.
    pub frame: u64,
    /// From the start of the video.
    pub timestamp_ms: f64,
}

#[derive(Debug, Serialize)]
struct ImageRecord {
    width: u32,
    height: u32,
}

#[derive(Debug, Serialize)]
struct DetectionRecord<'a> {
    class_id: u32,
    label: &'a str,
    score: f32,
    #[serde(rename = "box")]
    corners: [f32; 4],
}

#[derive(Debug, Serialize)]
struct TimingsRecord {
    queue_ms: f64,
    prepare_ms: f64,
    inference_ms: f64,
    finish_ms: f64,
    batch_rows: usize,
}

/// An input, or one of its frames, without a result.
#[derive(Debug, Serialize)]
pub struct FailureRecord<'a> {
    input: &'a str,
    error: &'a CliError,
}

impl<'a> Record<'a> {
    /// The line of one picture, or of one frame.
    pub fn new(input: &'a Input, frame: Option<FrameRecord>, completed: &'a Completed<Detections>) -> Self {
        let Completed { output, timings, generation } = completed;
        Self {
            input: &input.label,
            frame,
            model: &generation.name,
            engine: generation.engine,
            precision: generation.precision.name(),
            image: ImageRecord { width: output.width, height: output.height },
            detections: output.items.iter().map(DetectionRecord::from).collect(),
            timings: timings.into(),
        }
    }
}

impl FrameRecord {
    /// Frame `frame` at `timestamp`.
    pub fn new(frame: u64, timestamp: Duration) -> Self {
        Self { frame, timestamp_ms: ms(timestamp) }
    }
}

impl<'a> FailureRecord<'a> {
    /// The line of an input that failed.
    pub const fn new(input: &'a Input, error: &'a CliError) -> Self {
        Self { input: input.label.as_str(), error }
    }
}

impl<'a> From<&'a Detection> for DetectionRecord<'a> {
    fn from(found: &'a Detection) -> Self {
        let corners = [found.bbox.x1, found.bbox.y1, found.bbox.x2, found.bbox.y2];
        Self { class_id: found.class_id, label: &found.label, score: found.score, corners }
    }
}

impl From<&Timings> for TimingsRecord {
    fn from(timings: &Timings) -> Self {
        Self {
            queue_ms: ms(timings.queued),
            prepare_ms: ms(timings.wrote),
            inference_ms: ms(timings.ran),
            finish_ms: ms(timings.read),
            batch_rows: timings.batch_rows,
        }
    }
}

/// Milliseconds, to the microsecond.
fn ms(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1_000.0
}
