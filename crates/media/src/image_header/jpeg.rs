//! JPEG: the frame header (SOF) and the orientation, by walking the marker segments (ITU-T T.81, annex B).

use super::{Found, ImageFormat, Orientation, cut_off};
use crate::{MediaError, MediaErrorKind};

/// Walks the segments up to the first scan.
pub(super) fn read(bytes: &[u8]) -> Result<Found, MediaError> {
    let (mut size, mut orientation) = (None, Orientation::Upright);
    for segment in (Segments { bytes, at: 2 }) {
        match segment.marker {
            0xC0..=0xC2 => size = Some(frame_size(segment.body)?),
            0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF => return Err(unread_coding()),
            0xE1 => {
                if let Some(tiff) = segment.body.strip_prefix(b"Exif\0\0") {
                    orientation = Orientation::in_exif(tiff);
                }
            }
            _ => {}
        }
    }
    let (width, height) = size.ok_or_else(|| cut_off(ImageFormat::Jpeg))?;
    Ok(Found { width, height, orientation })
}

struct Segment<'a> {
    marker: u8,
    body: &'a [u8],
}

/// The marker segments before the first scan; ends at anything that is none.
struct Segments<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Iterator for Segments<'a> {
    type Item = Segment<'a>;

    fn next(&mut self) -> Option<Segment<'a>> {
        const START_OF_SCAN: u8 = 0xDA;
        const END_OF_IMAGE: u8 = 0xD9;
        // Bytes between segments and repeated 0xFF are tolerated by every reader in use.
        self.at += self.bytes.get(self.at..)?.iter().position(|byte| *byte == 0xFF)?;
        self.at += self.bytes.get(self.at..)?.iter().position(|byte| *byte != 0xFF)?;
        let marker = *self.bytes.get(self.at)?;
        if matches!(marker, START_OF_SCAN | END_OF_IMAGE) {
            return None;
        }
        if matches!(marker, 0x00 | 0x01 | 0xD0..=0xD8) {
            self.at += 1;
            return Some(Segment { marker, body: &[] });
        }
        let length = self.bytes.get(self.at + 1..self.at + 3)?;
        let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
        let body = self.bytes.get(self.at + 3..self.at + 1 + length.max(2))?;
        self.at += 1 + length.max(2);
        Some(Segment { marker, body })
    }
}

fn frame_size(body: &[u8]) -> Result<(u32, u32), MediaError> {
    let [precision, h1, h0, w1, w0, ..] = *body else { return Err(cut_off(ImageFormat::Jpeg)) };
    if precision != 8 {
        return Err(unread_coding());
    }
    Ok((u32::from(u16::from_be_bytes([w1, w0])), u32::from(u16::from_be_bytes([h1, h0]))))
}

fn unread_coding() -> MediaError {
    let message = "this JPEG is lossless, hierarchical, arithmetic-coded or of more than 8 bits, which is not read: \
                   save it as baseline or progressive JPEG of 8 bits, or as PNG";
    MediaError::new(MediaErrorKind::UnsupportedFormat, message)
}
