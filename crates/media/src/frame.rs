//! One decoded picture in its own pixel format, held by a pooled buffer.

use crate::PooledBuffer;
use std::time::Duration;

/// One decoded picture. Planes are dense: no padding between rows.
#[derive(Debug)]
pub struct Frame {
    width: u32,
    height: u32,
    format: PixelFormat,
    /// Time from the start of the source; zero for a still.
    timestamp: Duration,
    pixels: PooledBuffer,
}

/// How the pixels of a frame lie in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PixelFormat {
    /// `[height, width, 3]` bytes, red first.
    Rgb8,
    /// Y `[height, width]`, then U and V, each `[ceil(height / 2), ceil(width / 2)]`.
    Yuv420 {
        /// Which weights turn it into RGB.
        matrix: YuvMatrix,
        /// Which byte values are black and white.
        range: YuvRange,
    },
}

/// The weights between YUV and RGB.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum YuvMatrix {
    /// ITU-R BT.601: standard definition, and what FFmpeg takes where a file does not say.
    Bt601,
    /// ITU-R BT.709: high definition.
    Bt709,
}

/// Which byte values are black and white.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum YuvRange {
    /// Y in 16..=235, U and V in 16..=240.
    Limited,
    /// 0..=255.
    Full,
}

impl PixelFormat {
    /// Bytes that a frame of this format and size takes.
    pub const fn size_bytes(self, width: u32, height: u32) -> usize {
        let (width, height) = (width as usize, height as usize);
        match self {
            Self::Rgb8 => width * height * 3,
            Self::Yuv420 { .. } => width * height + 2 * (width.div_ceil(2) * height.div_ceil(2)),
        }
    }
}

impl Frame {
    /// A frame over `pixels`.
    ///
    /// # Panics
    /// Where `pixels` does not have exactly the bytes that format and size ask for.
    pub fn new(width: u32, height: u32, format: PixelFormat, timestamp: Duration, pixels: PooledBuffer) -> Self {
        assert_eq!(pixels.len(), format.size_bytes(width, height), "the buffer was taken for this format and size");
        Self { width, height, format, timestamp, pixels }
    }

    /// The same picture at another time.
    #[must_use]
    pub fn at(self, timestamp: Duration) -> Self {
        Self { timestamp, ..self }
    }

    /// Width in pixels.
    pub const fn width(&self) -> u32 {
        self.width
    }

    /// Height in pixels.
    pub const fn height(&self) -> u32 {
        self.height
    }

    /// How the pixels lie in memory.
    pub const fn format(&self) -> PixelFormat {
        self.format
    }

    /// Time from the start of the source; zero for a still.
    pub const fn timestamp(&self) -> Duration {
        self.timestamp
    }

    /// All planes, one after the other.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// All planes, to be written.
    pub fn pixels_mut(&mut self) -> &mut [u8] {
        &mut self.pixels
    }
}
