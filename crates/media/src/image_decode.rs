//! Compressed pictures to upright RGB frames.
//!
//! The decoders are memory-safe crates, but they read bytes that anyone may send: the size is checked again on what
//! the decoder says, a panic is an error like any other, and a picture that is cut off is an error, never half a
//! picture over gray. Alpha is dropped, not blended, as OpenCV and the training code of detectors do.

use crate::image_header::{check_size, corrupt};
use crate::{Frame, FramePool, ImageFormat, ImageHeader, ImageLimits, MediaError, PixelFormat, PooledBuffer, orient};
use image::codecs::{png::PngDecoder, webp::WebPDecoder};
use image::{ColorType, ImageDecoder, Limits};
use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;
use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;

/// Decodes a whole picture to RGB and turns it upright. `header` is what [`ImageHeader::read`] said of the same bytes.
///
/// While it runs it may hold up to four times the bytes of the frame: progressive JPEG keeps its coefficients, PNG of
/// 16 bits with alpha is more than twice as wide as RGB.
///
/// What cannot be told is a JPEG that was closed by a proper end marker before its last row: like other readers we then
/// return what there is.
///
/// # Errors
/// `Corrupt` where the content is damaged, cut off or not of the size in its header; `TooLarge` over `limits`.
pub fn decode_image(
    bytes: &[u8],
    header: &ImageHeader,
    limits: &ImageLimits,
    pool: &FramePool,
) -> Result<Frame, MediaError> {
    check_size(header.width, header.height, limits)?;
    // What a decoder leaves half written when it panics is dropped here, so nothing broken is ever seen.
    let stored = catch_unwind(AssertUnwindSafe(|| decode_stored(bytes, header, pool))).unwrap_or_else(|_| {
        tracing::warn!(format = header.format.name(), "a picture decoder panicked");
        Err(damaged(header.format))
    })?;
    let upright = orient::turn_upright(stored, header, pool);
    let (width, height) = header.oriented_size();
    Ok(Frame::new(width, height, PixelFormat::Rgb8, Duration::ZERO, upright))
}

fn decode_stored(bytes: &[u8], header: &ImageHeader, pool: &FramePool) -> Result<PooledBuffer, MediaError> {
    let unreadable = |_| damaged(header.format);
    match header.format {
        ImageFormat::Jpeg => decode_jpeg(bytes, header, pool),
        ImageFormat::Png => {
            let decoder = PngDecoder::with_limits(Cursor::new(bytes), side_limits(header));
            decode_by(decoder.map_err(unreadable)?, header, pool)
        }
        ImageFormat::WebP => decode_by(WebPDecoder::new(Cursor::new(bytes)).map_err(unreadable)?, header, pool),
    }
}

/// What the PNG decoder may hold beside the pixels: a few rows, and metadata that may be a bomb of its own.
fn side_limits(header: &ImageHeader) -> Limits {
    const METADATA_BYTES: u64 = 8 << 20;
    const ROW_BYTES_PER_PIXEL: u64 = 64;
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(METADATA_BYTES + ROW_BYTES_PER_PIXEL * u64::from(header.width));
    limits
}

fn decode_jpeg(bytes: &[u8], header: &ImageHeader, pool: &FramePool) -> Result<PooledBuffer, MediaError> {
    let lenient = DecoderOptions::default()
        .set_strict_mode(false)
        .set_max_width(header.width as usize)
        .set_max_height(header.height as usize)
        .jpeg_set_out_colorspace(ColorSpace::RGB);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), lenient);
    decoder.decode_headers().map_err(|_| damaged(header.format))?;
    // Strict only from here on: stray bytes between segments harm nobody, a picture that ends early must not pass.
    decoder.set_options(lenient.set_strict_mode(true));
    let size = decoder.dimensions().ok_or_else(|| damaged(header.format))?;
    check_same_size(header, size)?;
    let mut pixels = pool.take(rgb_bytes(header));
    decoder.decode_into(&mut pixels).map_err(|_| damaged(header.format))?;
    Ok(pixels)
}

fn decode_by(decoder: impl ImageDecoder, header: &ImageHeader, pool: &FramePool) -> Result<PooledBuffer, MediaError> {
    let (width, height) = decoder.dimensions();
    check_same_size(header, (width as usize, height as usize))?;
    let color = decoder.color_type();
    let mut native = pool.take(rgb_bytes(header) / 3 * usize::from(color.bytes_per_pixel()));
    decoder.read_image(&mut native).map_err(|_| damaged(header.format))?;
    if color == ColorType::Rgb8 {
        return Ok(native);
    }
    let mut pixels = pool.take(rgb_bytes(header));
    to_rgb8(&native, color, &mut pixels);
    Ok(pixels)
}

/// Drops alpha, spreads gray over three channels, keeps the upper byte of sixteen bits (native byte order).
fn to_rgb8(native: &[u8], color: ColorType, rgb: &mut [u8]) {
    let upper = if cfg!(target_endian = "little") { 1 } else { 0 };
    match color {
        ColorType::L8 => spread(native, rgb, |p: &[u8; 1]| [p[0]; 3]),
        ColorType::La8 => spread(native, rgb, |p: &[u8; 2]| [p[0]; 3]),
        ColorType::Rgba8 => spread(native, rgb, |p: &[u8; 4]| [p[0], p[1], p[2]]),
        ColorType::L16 => spread(native, rgb, |p: &[u8; 2]| [p[upper]; 3]),
        ColorType::La16 => spread(native, rgb, |p: &[u8; 4]| [p[upper]; 3]),
        ColorType::Rgb16 => spread(native, rgb, |p: &[u8; 6]| [p[upper], p[2 + upper], p[4 + upper]]),
        ColorType::Rgba16 => spread(native, rgb, |p: &[u8; 8]| [p[upper], p[2 + upper], p[4 + upper]]),
        _ => unreachable!("PNG and WebP decode to 8 or 16 bits, gray or RGB, with or without alpha"),
    }
}

fn spread<const N: usize>(native: &[u8], rgb: &mut [u8], pixel: impl Fn(&[u8; N]) -> [u8; 3]) {
    let (native, _) = native.as_chunks::<N>();
    let (rgb, _) = rgb.as_chunks_mut::<3>();
    for (rgb, native) in rgb.iter_mut().zip(native) {
        *rgb = pixel(native);
    }
}

/// The limits held for the header, so what is decoded may not be anything else.
fn check_same_size(header: &ImageHeader, (width, height): (usize, usize)) -> Result<(), MediaError> {
    if (width, height) == (header.width as usize, header.height as usize) {
        return Ok(());
    }
    Err(corrupt("the picture is not of the size that its header gives: write the file anew"))
}

fn rgb_bytes(header: &ImageHeader) -> usize {
    PixelFormat::Rgb8.size_bytes(header.width, header.height)
}

fn damaged(format: ImageFormat) -> MediaError {
    corrupt(&format!("the {} picture is damaged or cut off: send the whole file", format.name()))
}
