//! Frames to compressed pictures.

use crate::{Frame, FramePool, MediaError, MediaErrorKind, PixelFormat, to_rgb};
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder};
use jpeg_encoder::{ColorType, Encoder};

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
    let fits = match encoding {
        ImageEncoding::Jpeg { quality } => write_jpeg(frame, quality, &mut encoded),
        ImageEncoding::Png => write_png(frame, &mut encoded),
    };
    let too_large = || MediaError::new(MediaErrorKind::TooLarge, "the picture is too large for this format: take PNG");
    fits.map(|()| encoded).ok_or_else(too_large)
}

/// Not by the `image` crate, whose encoder takes four times as long.
fn write_jpeg(frame: &Frame, quality: u8, encoded: &mut Vec<u8>) -> Option<()> {
    let (width, height) = (u16::try_from(frame.width()).ok()?, u16::try_from(frame.height()).ok()?);
    Encoder::new(encoded, quality.clamp(1, 100)).encode(frame.pixels(), width, height, ColorType::Rgb).ok()
}

fn write_png(frame: &Frame, encoded: &mut Vec<u8>) -> Option<()> {
    PngEncoder::new(encoded).write_image(frame.pixels(), frame.width(), frame.height(), ExtendedColorType::Rgb8).ok()
}
