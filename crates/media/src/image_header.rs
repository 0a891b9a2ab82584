//! What the first bytes of a picture say: format, size, orientation; and the limits, before anything is decoded.
//!
//! The format is taken from the content, never from a name or a content type. Only headers are walked, by offsets
//! that are checked against the length, so that a few dozen bytes that claim a huge picture cost nothing.

mod foreign;
mod jpeg;
mod orientation;
mod png;
mod webp;

pub use orientation::Orientation;

use crate::{ImageLimits, MediaError, MediaErrorKind};

/// The picture formats that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ImageFormat {
    /// JPEG: baseline and progressive, 8 bits, gray, YCbCr, RGB, CMYK and YCCK.
    Jpeg,
    /// PNG, every bit depth; of an animated one, the default image.
    Png,
    /// WebP, lossy and lossless; of an animated one, the first frame.
    WebP,
}

/// What the header of a picture says, already held against the limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageHeader {
    /// The format, by content.
    pub format: ImageFormat,
    /// Width as stored, in pixels.
    pub width: u32,
    /// Height as stored, in pixels.
    pub height: u32,
    /// How the stored picture is turned to stand upright.
    pub orientation: Orientation,
}

/// What a format's own header walk finds.
struct Found {
    width: u32,
    height: u32,
    orientation: Orientation,
}

impl ImageHeader {
    /// Reads the header of a picture and holds it against `limits`. Nothing is decoded.
    ///
    /// # Errors
    /// `UnsupportedFormat` for anything but JPEG, PNG and WebP (known formats are named), `Corrupt` where the header
    /// is damaged or cut off, `TooLarge` where it claims more than the limits.
    pub fn read(bytes: &[u8], limits: &ImageLimits) -> Result<Self, MediaError> {
        let format = ImageFormat::of(bytes)?;
        let Found { width, height, orientation } = match format {
            ImageFormat::Jpeg => jpeg::read(bytes),
            ImageFormat::Png => png::read(bytes),
            ImageFormat::WebP => webp::read(bytes),
        }?;
        check_size(width, height, limits)?;
        Ok(Self { format, width, height, orientation })
    }

    /// Width and height of the picture standing upright, in pixels.
    pub const fn oriented_size(&self) -> (u32, u32) {
        self.orientation.oriented_size(self.width, self.height)
    }
}

impl ImageFormat {
    /// The name of the format.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Jpeg => "JPEG",
            Self::Png => "PNG",
            Self::WebP => "WebP",
        }
    }

    /// The format by the first bytes; sixteen are enough.
    ///
    /// # Errors
    /// `UnsupportedFormat` for anything else; known formats are named.
    pub fn of(bytes: &[u8]) -> Result<Self, MediaError> {
        if bytes.starts_with(&[0xFF, 0xD8, 0xFF]) {
            Ok(Self::Jpeg)
        } else if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
            Ok(Self::Png)
        } else if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
            Ok(Self::WebP)
        } else {
            Err(foreign::refusal(bytes))
        }
    }
}

/// Holds a size against the limits; used on headers and again on what a decoder says.
pub(crate) fn check_size(width: u32, height: u32, limits: &ImageLimits) -> Result<(), MediaError> {
    if width == 0 || height == 0 {
        return Err(corrupt("the picture has no pixels: its header gives a width or height of zero"));
    }
    if width.max(height) > limits.side_px {
        let message = format!(
            "the picture is {width}×{height} pixels and at most {} on a side are read: scale it down",
            limits.side_px
        );
        return Err(MediaError::new(MediaErrorKind::TooLarge, message));
    }
    let decoded_bytes = u64::from(width).checked_mul(u64::from(height)).and_then(|pixels| pixels.checked_mul(3));
    if decoded_bytes.is_none_or(|bytes| bytes > limits.decoded_bytes) {
        let message = format!(
            "the picture of {width}×{height} pixels takes more than {} bytes decoded: scale it down",
            limits.decoded_bytes
        );
        return Err(MediaError::new(MediaErrorKind::TooLarge, message));
    }
    Ok(())
}

pub(crate) fn corrupt(message: &str) -> MediaError {
    MediaError::new(MediaErrorKind::Corrupt, message)
}

fn cut_off(format: ImageFormat) -> MediaError {
    corrupt(&format!("the {} header is damaged or cut off: send the whole file", format.name()))
}
