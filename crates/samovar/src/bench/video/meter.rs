//! What is counted while a video is worked through: frames, what was found, what it takes.

use crate::counting_heap::allocations;
use samovar_media::{Frame, VideoInfo};
use samovar_monitor::Monitor;
use samovar_recorded::{FrameRecord, FrameWatch, RecordedError};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Instant;
use tokio_util::sync::CancellationToken;

/// What is counted of one video.
pub struct Meter {
    /// Frames with a result.
    pub frames: u64,
    /// Objects in all of them.
    pub detections: u64,
    /// Reading of the outputs, by frame, in ms.
    pub finish_ms: Vec<f64>,
    /// The most that all decoders together held, in bytes.
    pub decoders_bytes: u64,
    /// When the work was told to end, where it was.
    pub cancelled_at: Option<Instant>,
    started: Instant,
    hundredth_s: Option<f64>,
    digest: DefaultHasher,
    monitor: Arc<Monitor>,
    /// Allocations and bytes when the pools were full.
    settled: Option<(u64, (u64, u64))>,
    newest: (u64, (u64, u64)),
    cancel: Option<(u64, CancellationToken)>,
}

/// Frames after which every pool is full.
const SETTLED_FRAMES: u64 = 50;
/// Frames between two looks at the decoders.
const LOOK_EVERY: u64 = 16;
/// Of finishing times nothing more is kept.
const FINISHES_MAX: usize = 10_000;

impl Meter {
    /// Nothing yet; `cancel` ends the work after so many frames.
    pub fn new(monitor: Arc<Monitor>, cancel: Option<(u64, CancellationToken)>) -> Self {
        Self {
            frames: 0,
            detections: 0,
            finish_ms: Vec::with_capacity(FINISHES_MAX),
            decoders_bytes: 0,
            cancelled_at: None,
            started: Instant::now(),
            hundredth_s: None,
            digest: DefaultHasher::new(),
            monitor,
            settled: None,
            newest: (0, (0, 0)),
            cancel,
        }
    }

    /// Seconds to the hundredth frame, from the opening of the video.
    pub const fn hundredth_s(&self) -> Option<f64> {
        self.hundredth_s
    }

    /// What was found, to the last bit, in order.
    pub fn digest(&self) -> String {
        format!("{:016x}", self.digest.finish())
    }

    /// Allocations and bytes of one frame once every pool was full; none for a video that is too short.
    pub fn per_frame(&self) -> Option<(f64, f64)> {
        let (from, (count, bytes)) = self.settled?;
        let frames = self.newest.0.checked_sub(from).filter(|frames| *frames > 0)? as f64;
        let (later_count, later_bytes) = self.newest.1;
        Some(((later_count - count) as f64 / frames, (later_bytes - bytes) as f64 / frames))
    }

    fn take_in(&mut self, record: &FrameRecord) {
        record.frame.hash(&mut self.digest);
        for found in &record.detections {
            (found.class_id, found.score.to_bits(), found.corners.map(f32::to_bits)).hash(&mut self.digest);
        }
    }
}

impl FrameWatch for Meter {
    fn opened(&mut self, _: &VideoInfo, _: Option<u64>) {}

    fn frame(&mut self, _: &Arc<Frame>, record: &FrameRecord) -> Result<(), RecordedError> {
        self.frames += 1;
        self.detections += record.detections.len() as u64;
        self.take_in(record);
        if let Some(timings) = record.timings.filter(|_| self.finish_ms.len() < FINISHES_MAX) {
            self.finish_ms.push(timings.finish_ms);
        }
        if self.frames == 100 {
            self.hundredth_s = Some(self.started.elapsed().as_secs_f64());
        }
        if self.frames % LOOK_EVERY == 1 {
            self.decoders_bytes = self.decoders_bytes.max(self.monitor.sample().children.resident_bytes);
        }
        self.newest = (self.frames, allocations());
        if self.frames == SETTLED_FRAMES {
            self.settled = Some(self.newest);
        }
        if let Some((after, token)) = &self.cancel
            && self.frames == *after
        {
            self.cancelled_at = Some(Instant::now());
            token.cancel();
        }
        Ok(())
    }
}
