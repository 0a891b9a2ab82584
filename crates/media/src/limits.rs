//! What is accepted before any decoding starts. Requests may lower a limit, never raise it.

use std::time::Duration;

/// Limits on one picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageLimits {
    /// Longest side, in pixels.
    pub side_px: u32,
    /// Bytes of decoded RGB.
    pub decoded_bytes: u64,
}

impl Default for ImageLimits {
    fn default() -> Self {
        Self { side_px: 8_192, decoded_bytes: 64 << 20 }
    }
}

/// Limits on one video.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VideoLimits {
    /// Longest side, in pixels.
    pub side_px: u32,
    /// Frames per second that the container may declare.
    pub frames_per_second: f64,
    /// Duration that is read at most.
    pub duration: Duration,
    /// Streams that the container may hold. Phones write half a dozen of telemetry beside picture and sound.
    pub streams: u32,
    /// Longest wait for the next frame before the decoder counts as hung.
    pub stall: Duration,
}

impl Default for VideoLimits {
    fn default() -> Self {
        Self {
            side_px: 4_096,
            frames_per_second: 120.0,
            duration: Duration::from_secs(4 * 3600),
            streams: 16,
            stall: Duration::from_secs(10),
        }
    }
}
