//! Frames to compressed pictures.

use crate::{Frame, FramePool, MediaError, MediaErrorKind, PixelFormat, to_rgb};
use image::codecs::{jpeg::JpegEncoder, png::PngEncoder};
use image::{ExtendedColorType, ImageEncoder};

/// How a picture is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageEncoding {
    /// JPEG of quality 1 to 100.
    Jpeg {
        /// 90 shows no flaw in annotated pictures.
        quality: u8,
    },
    /// PNG, without loss.
    Png,
}

/// Compresses a frame of any format. `pool` is used where it must be turned into RGB first.
///
/// # Errors
/// `TooLarge` where a side does not fit the format: 65,535 pixels for JPEG.
pub fn encode_image(frame: &Frame, encoding: ImageEncoding, pool: &FramePool) -> Result<Vec<u8>, MediaError> {
    if frame.format() != PixelFormat::Rgb8 {
        return encode_image(&to_rgb(frame, pool), encoding, pool);
    }
    let mut encoded = Vec::new();
    let (pixels, width, height) = (frame.pixels(), frame.width(), frame.height());
    let written = match encoding {
        ImageEncoding::Jpeg { quality } => JpegEncoder::new_with_quality(&mut encoded, quality.clamp(1, 100))
            .write_image(pixels, width, height, ExtendedColorType::Rgb8),
        ImageEncoding::Png => PngEncoder::new(&mut encoded).write_image(pixels, width, height, ExtendedColorType::Rgb8),
    };
    let too_large = |_| MediaError::new(MediaErrorKind::TooLarge, "the picture is too large for this format: take PNG");
    written.map(|()| encoded).map_err(too_large)
}
