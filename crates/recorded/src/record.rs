//! What was found in one frame, as journals and JSON Lines have it.

use samovar_models::{Detection, Detections};
use samovar_runtime::Timings;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// What was found in one frame of a video.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FrameRecord {
    /// Number of the frame in the video, from 0; by its time and the declared rate where frames were left out otherwise than by `every`.
    pub frame: u64,
    /// From the start of the video.
    pub timestamp_ms: f64,
    /// Size of the picture.
    pub image: ImageRecord,
    /// What was found, best score first.
    pub detections: Vec<DetectionRecord>,
    /// Where the time went.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timings: Option<TimingsRecord>,
}

/// Size of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageRecord {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
}

/// One object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DetectionRecord {
    /// Index of the class in the model.
    pub class_id: u32,
    /// Its name.
    pub label: Arc<str>,
    /// How sure the model is, 0 to 1.
    pub score: f32,
    /// Left, top, right, bottom, in pixels of the frame.
    #[serde(rename = "box")]
    pub corners: [f32; 4],
    /// Who it is, where it was followed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub track: Option<u64>,
}

/// Where the time of one frame went.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TimingsRecord {
    /// Waiting in the queue.
    pub queue_ms: f64,
    /// Letterbox, colour, normalisation.
    pub prepare_ms: f64,
    /// The engine's run of the whole batch.
    pub inference_ms: f64,
    /// Reading the outputs.
    pub finish_ms: f64,
    /// Rows in the batch.
    pub batch_rows: usize,
}

impl FrameRecord {
    /// The record of a frame at that time.
    pub fn new(frame: u64, timestamp: Duration, found: &Detections, timings: Option<&Timings>) -> Self {
        Self {
            frame,
            timestamp_ms: ms(timestamp),
            image: ImageRecord { width: found.width, height: found.height },
            detections: found.items.iter().map(DetectionRecord::from).collect(),
            timings: timings.map(TimingsRecord::from),
        }
    }

    /// From the start of the video, to the microsecond.
    pub fn timestamp(&self) -> Duration {
        from_ms(self.timestamp_ms)
    }
}

impl From<&Detection> for DetectionRecord {
    fn from(found: &Detection) -> Self {
        let corners = [found.bbox.x1, found.bbox.y1, found.bbox.x2, found.bbox.y2];
        Self { class_id: found.class_id, label: Arc::clone(&found.label), score: found.score, corners, track: None }
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
pub(crate) fn ms(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1_000.0
}

/// What [`ms`] was made of, to the microsecond.
pub(crate) fn from_ms(ms: f64) -> Duration {
    Duration::from_micros((ms * 1_000.0).round() as u64)
}
