//! WebP: the size in VP8, VP8L or VP8X and the orientation in EXIF, by walking the RIFF chunks (RFC 9649).

use super::{Found, ImageFormat, Orientation, corrupt, cut_off};
use crate::MediaError;

/// Reads the canvas of VP8X where there is one, else the size of the one picture.
pub(super) fn read(bytes: &[u8]) -> Result<Found, MediaError> {
    let (mut canvas, mut picture, mut orientation) = (None, None, Orientation::Upright);
    for chunk in (Chunks { bytes, at: 12 }) {
        match chunk.kind {
            b"VP8X" => canvas = canvas.or(Some(canvas_size(chunk.body).ok_or_else(damaged)?)),
            b"VP8 " => picture = picture.or(Some(lossy_size(chunk.body).ok_or_else(damaged)?)),
            b"VP8L" => picture = picture.or(Some(lossless_size(chunk.body).ok_or_else(damaged)?)),
            b"EXIF" => orientation = Orientation::in_exif(chunk.body.strip_prefix(b"Exif\0\0").unwrap_or(chunk.body)),
            _ => {}
        }
    }
    if let (Some(canvas), Some(picture)) = (canvas, picture)
        && canvas != picture
    {
        return Err(corrupt("the WebP header and its picture give different sizes: write the file anew"));
    }
    let (width, height) = canvas.or(picture).ok_or_else(damaged)?;
    Ok(Found { width, height, orientation })
}

fn damaged() -> MediaError {
    cut_off(ImageFormat::WebP)
}

/// 24-bit width and height, each less one, after four bytes of flags.
fn canvas_size(body: &[u8]) -> Option<(u32, u32)> {
    let side = |at: usize| Some(1 + u32::from_le_bytes([*body.get(at)?, *body.get(at + 1)?, *body.get(at + 2)?, 0]));
    Some((side(4)?, side(7)?))
}

/// 14-bit width and height (the upper two bits are a scale) after the key frame's start code.
fn lossy_size(body: &[u8]) -> Option<(u32, u32)> {
    let [_, _, _, 0x9D, 0x01, 0x2A, w0, w1, h0, h1, ..] = *body else { return None };
    let side = |low, high| u32::from(u16::from_le_bytes([low, high]) & 0x3FFF);
    Some((side(w0, w1), side(h0, h1)))
}

/// 14-bit width and height, each less one, packed after the signature byte.
fn lossless_size(body: &[u8]) -> Option<(u32, u32)> {
    let [0x2F, b0, b1, b2, b3, ..] = *body else { return None };
    let packed = u32::from_le_bytes([b0, b1, b2, b3]);
    Some((1 + (packed & 0x3FFF), 1 + (packed >> 14 & 0x3FFF)))
}

struct Chunk<'a> {
    kind: &'a [u8],
    /// What is there of the body: the last chunk of a cut-off file is short.
    body: &'a [u8],
}

struct Chunks<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Iterator for Chunks<'a> {
    type Item = Chunk<'a>;

    fn next(&mut self) -> Option<Chunk<'a>> {
        let rest = self.bytes.get(self.at..)?;
        let length = usize::try_from(u32::from_le_bytes(rest.get(4..8)?.try_into().ok()?)).ok()?;
        let end = length.checked_add(8)?;
        let chunk = Chunk { kind: rest.get(..4)?, body: &rest[8..end.min(rest.len())] };
        self.at = self.at.checked_add(end)?.checked_add(length % 2)?;
        Some(chunk)
    }
}
