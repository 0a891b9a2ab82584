//! One line of JSON for each frame, as files and answers have it.

use crate::JournalHeader;
use crate::record::{DetectionRecord, FrameRecord, ImageRecord, TimingsRecord};
use serde::Serialize;

/// One frame with what its journal's header says of all: `input`, `frame`, `timestamp_ms`, `model`, `engine`, `precision`, `image`,
/// `detections`, `timings`, in this order.
#[derive(Debug, Serialize)]
pub struct FrameLine<'a> {
    input: &'a str,
    frame: u64,
    timestamp_ms: f64,
    model: &'a str,
    engine: &'a str,
    precision: &'a str,
    image: ImageRecord,
    detections: &'a [DetectionRecord],
    #[serde(skip_serializing_if = "Option::is_none")]
    timings: Option<TimingsRecord>,
}

impl<'a> FrameLine<'a> {
    /// The line of a frame of that journal.
    pub fn new(header: &'a JournalHeader, record: &'a FrameRecord) -> Self {
        Self {
            input: &header.input,
            frame: record.frame,
            timestamp_ms: record.timestamp_ms,
            model: &header.model,
            engine: &header.engine,
            precision: &header.precision,
            image: record.image,
            detections: &record.detections,
            timings: record.timings,
        }
    }
}
