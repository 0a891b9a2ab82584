//! Reference files, and synthetic pictures that are made the same way in the scripts under `tools/reference`.

use samovar_media::{Frame, FramePool, ImageHeader, ImageLimits, MediaError, PixelFormat, decode_image};
use std::path::PathBuf;
use std::time::Duration;

pub fn bytes(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub fn json(name: &str) -> serde_json::Value {
    serde_json::from_slice(&bytes(name)).unwrap()
}

pub fn pair(value: &serde_json::Value) -> (u32, u32) {
    (value[0].as_u64().unwrap() as u32, value[1].as_u64().unwrap() as u32)
}

/// Noise of full contrast, the upper byte of a linear congruential generator.
pub fn noise(len: usize) -> impl Iterator<Item = u8> {
    let mut state = 12_345_u32;
    (0..len).map(move |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    })
}

pub fn frame(
    pool: &FramePool,
    (width, height): (u32, u32),
    format: PixelFormat,
    fill: impl Iterator<Item = u8>,
) -> Frame {
    let mut pixels = pool.take(format.size_bytes(width, height));
    for (pixel, value) in pixels.iter_mut().zip(fill) {
        *pixel = value;
    }
    Frame::new(width, height, format, Duration::ZERO, pixels)
}

pub fn noise_frame(pool: &FramePool, size: (u32, u32), format: PixelFormat) -> Frame {
    frame(pool, size, format, noise(format.size_bytes(size.0, size.1)))
}

/// A picture that is smooth but nowhere the same, as RGB.
pub fn smooth_frame(pool: &FramePool, (width, height): (u32, u32)) -> Frame {
    let value = move |at: u32| {
        let (x, y) = (at / 3 % width, at / 3 / width);
        (40 + x * (90 + 40 * (at % 3)) / width + y * 80 / height + (x * y) % 7) as u8
    };
    frame(pool, (width, height), PixelFormat::Rgb8, (0..width * height * 3).map(value))
}

/// Header and decoding in one.
pub fn decode(bytes: &[u8], pool: &FramePool) -> Result<Frame, MediaError> {
    let limits = ImageLimits::default();
    decode_image(bytes, &ImageHeader::read(bytes, &limits)?, &limits, pool)
}
