//! As much of H.264's byte stream (ITU-T H.264, Annex B) as must be known to drop and to begin at the right places.

/// Kinds of NAL units.
const SLICES: std::ops::RangeInclusive<u8> = 1..=5;
const IDR: u8 = 5;
const SPS: u8 = 7;

/// What an access unit's head tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct UnitHead {
    /// Whether there is a picture in it, and not only parameter sets.
    pub(super) has_picture: bool,
    /// Whether the picture needs none before it.
    pub(super) is_key: bool,
    /// Where its first sequence parameter set lies, which fixes the size of the pictures.
    pub(super) sps: Option<std::ops::Range<usize>>,
}

impl UnitHead {
    /// Reads up to the first slice; none where the bytes do not begin with a start code.
    pub(super) fn read(unit: &[u8]) -> Option<Self> {
        let mut head = Self::default();
        let mut at = start_code_end(unit, 0)?;
        if unit[..at].iter().any(|byte| *byte > 1) {
            return None;
        }
        loop {
            let kind = unit.get(at)? & 31;
            if SLICES.contains(&kind) {
                head.has_picture = true;
                head.is_key = kind == IDR;
                return Some(head);
            }
            let next = start_code_end(unit, at);
            let end = next.map_or(unit.len(), |next| next - 3);
            if kind == SPS && head.sps.is_none() {
                head.sps = Some(at..end);
            }
            match next {
                Some(next) => at = next,
                None => return Some(head),
            }
        }
    }
}

/// Where the bytes after the next start code begin.
fn start_code_end(bytes: &[u8], from: usize) -> Option<usize> {
    let place = bytes.get(from..)?.windows(3).position(|window| window == [0, 0, 1])?;
    Some(from + place + 3)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn key_frames_and_parameter_sets_are_found() {
        let key = [0, 0, 0, 1, 0x67, 1, 2, 3, 0, 0, 1, 0x68, 9, 0, 0, 1, 0x65, 0x88, 0, 0, 1, 0x67];
        let head = UnitHead::read(&key).unwrap();
        assert_eq!((head.has_picture, head.is_key), (true, true));
        assert_eq!(&key[head.sps.unwrap()], [0x67, 1, 2, 3]);
        let other = UnitHead::read(&[0, 0, 1, 0x41, 0x9A]).unwrap();
        assert_eq!(other, UnitHead { has_picture: true, is_key: false, sps: None });
        let sets = UnitHead::read(&[0, 0, 1, 0x67, 5]).unwrap();
        assert_eq!(sets, UnitHead { has_picture: false, is_key: false, sps: Some(3..5) });
        for bad in [&[][..], &[0, 0, 1], &[1, 2, 3], &[9, 0, 0, 1, 0x65], b"\xFF\xD8\xFF\xE0 a picture"] {
            assert_eq!(UnitHead::read(bad), None);
        }
    }

    proptest! {
        #[test]
        fn anything_may_be_read(unit in prop::collection::vec(0_u8..4, 0..64)) {
            if let Some(UnitHead { sps: Some(sps), .. }) = UnitHead::read(&unit) {
                prop_assert!(sps.start <= sps.end && sps.end <= unit.len());
            }
        }
    }
}
