//! PNG: the IHDR chunk and the orientation in eXIf, by walking the chunks (W3C PNG, third edition).

use super::{Found, ImageFormat, Orientation, cut_off};
use crate::MediaError;

/// Reads IHDR, which must come first, and looks for eXIf after it.
pub(super) fn read(bytes: &[u8]) -> Result<Found, MediaError> {
    let mut chunks = Chunks { bytes, at: 8 };
    let first = chunks.next().filter(|chunk| chunk.kind == b"IHDR" && chunk.body.len() == 13);
    let header = first.ok_or_else(|| cut_off(ImageFormat::Png))?;
    let side = |at: usize| header.body[at..at + 4].iter().fold(0, |side: u32, byte| side << 8 | u32::from(*byte));
    let exif = chunks.find(|chunk| chunk.kind == b"eXIf");
    let orientation = exif.map_or(Orientation::Upright, |chunk| Orientation::in_exif(chunk.body));
    Ok(Found { width: side(0), height: side(4), orientation })
}

struct Chunk<'a> {
    kind: &'a [u8],
    body: &'a [u8],
}

/// The chunks; ends at the first that is cut off.
struct Chunks<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Iterator for Chunks<'a> {
    type Item = Chunk<'a>;

    fn next(&mut self) -> Option<Chunk<'a>> {
        const CHECKSUM_BYTES: usize = 4;
        let rest = self.bytes.get(self.at..)?;
        let length = usize::try_from(u32::from_be_bytes(rest.get(..4)?.try_into().ok()?)).ok()?;
        let body_end = length.checked_add(8)?;
        let chunk = Chunk { kind: rest.get(4..8)?, body: rest.get(8..body_end)? };
        self.at = self.at.checked_add(body_end)?.checked_add(CHECKSUM_BYTES)?;
        Some(chunk)
    }
}
