//! Pictures made in code.

use samovar_media::{Frame, FramePool, ImageEncoding, PixelFormat, encode_image};
use std::time::Duration;

/// A PNG picture whose pixels depend on `seed`.
pub(crate) fn png(width: u32, height: u32, seed: u8) -> Vec<u8> {
    let pool = FramePool::new(0);
    let mut pixels = pool.take(PixelFormat::Rgb8.size_bytes(width, height));
    for (index, pixel) in pixels.iter_mut().enumerate() {
        *pixel = seed.wrapping_mul(31).wrapping_add(index as u8);
    }
    let frame = Frame::new(width, height, PixelFormat::Rgb8, Duration::ZERO, pixels);
    encode_image(&frame, ImageEncoding::Png, &pool).unwrap()
}

/// A PNG header that claims 100,000 × 100,000 pixels.
pub(crate) fn bomb() -> Vec<u8> {
    let mut bytes = png(8, 8, 0);
    bytes[16..20].copy_from_slice(&100_000_u32.to_be_bytes());
    bytes[20..24].copy_from_slice(&100_000_u32.to_be_bytes());
    bytes
}
