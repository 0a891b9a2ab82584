//! The eight ways a stored picture may have to be turned to stand upright (EXIF tag 0x0112).

/// How the stored picture is turned to stand upright. Discriminants are the values of the EXIF tag.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Orientation {
    /// As stored.
    #[default]
    Upright = 1,
    /// Mirrored left to right.
    MirroredHorizontally = 2,
    /// Turned by half a turn.
    Rotated180 = 3,
    /// Mirrored top to bottom.
    MirroredVertically = 4,
    /// Mirrored along the main diagonal.
    Transposed = 5,
    /// To be turned a quarter clockwise.
    Rotated90 = 6,
    /// Mirrored along the other diagonal.
    Transversed = 7,
    /// To be turned a quarter counter-clockwise.
    Rotated270 = 8,
}

impl Orientation {
    /// The orientation in a TIFF-framed EXIF block; upright where there is none or it makes no sense, as other
    /// readers do.
    pub(super) fn in_exif(tiff: &[u8]) -> Self {
        find_tag(tiff).unwrap_or_default()
    }

    /// The orientation of the EXIF value 1 to 8.
    pub const fn from_exif(value: u16) -> Option<Self> {
        Some(match value {
            1 => Self::Upright,
            2 => Self::MirroredHorizontally,
            3 => Self::Rotated180,
            4 => Self::MirroredVertically,
            5 => Self::Transposed,
            6 => Self::Rotated90,
            7 => Self::Transversed,
            8 => Self::Rotated270,
            _ => return None,
        })
    }

    /// Width and height change places.
    pub const fn swaps_sides(self) -> bool {
        matches!(self, Self::Transposed | Self::Rotated90 | Self::Transversed | Self::Rotated270)
    }

    /// The size of the upright picture whose stored size is given.
    pub const fn oriented_size(self, width: u32, height: u32) -> (u32, u32) {
        if self.swaps_sides() { (height, width) } else { (width, height) }
    }

    /// Whether the row and the column of a stored pixel run backwards: (column, row).
    pub(crate) const fn reversed(self) -> (bool, bool) {
        match self {
            Self::Upright | Self::Transposed => (false, false),
            Self::MirroredHorizontally | Self::Rotated270 => (true, false),
            Self::Rotated180 | Self::Transversed => (true, true),
            Self::MirroredVertically | Self::Rotated90 => (false, true),
        }
    }
}

/// Walks the first directory of a TIFF structure for the orientation tag.
fn find_tag(tiff: &[u8]) -> Option<Orientation> {
    let big_endian = match tiff.get(..4)? {
        b"II*\0" => false,
        b"MM\0*" => true,
        _ => return None,
    };
    let u16_at = |at: usize| {
        let bytes = tiff.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(if big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
    };
    let offset = tiff.get(4..8)?.try_into().ok()?;
    let directory = if big_endian { u32::from_be_bytes(offset) } else { u32::from_le_bytes(offset) } as usize;
    let entries = usize::from(u16_at(directory)?);
    (0..entries)
        .map_while(|entry| directory.checked_add(2 + 12 * entry))
        .find(|at| u16_at(*at) == Some(0x0112))
        .and_then(|at| Orientation::from_exif(u16_at(at.checked_add(8)?)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tiff(big_endian: bool, value: u16) -> Vec<u8> {
        let u16_of = if big_endian { u16::to_be_bytes } else { u16::to_le_bytes };
        let head = if big_endian { b"MM\0*\0\0\0\x08" } else { b"II*\0\x08\0\0\0" };
        [head.as_slice(), &u16_of(1), &u16_of(0x0112), &u16_of(3), &[0; 4], &u16_of(value), &[0; 2]].concat()
    }

    #[test]
    fn both_byte_orders_are_read() {
        for value in 1..=8 {
            for big_endian in [false, true] {
                assert_eq!(Orientation::in_exif(&tiff(big_endian, value)) as u16, value);
            }
        }
    }

    #[test]
    fn nonsense_is_upright() {
        assert_eq!(Orientation::in_exif(&tiff(false, 9)), Orientation::Upright);
        let whole = tiff(false, 6);
        for cut in 0..whole.len() - 2 {
            assert_eq!(Orientation::in_exif(&whole[..cut]), Orientation::Upright, "cut at {cut}");
        }
        assert_eq!(Orientation::in_exif(b"II*\0\xFF\xFF\xFF\xFF"), Orientation::Upright);
    }
}
