//! Samples as they are kept: 16 bits, mono, 16 kHz, gathered to pieces of some seconds.

/// Samples as bytes of a WAV file, and how much silence goes before them.
#[derive(Default)]
pub(super) struct Wave {
    bytes: Vec<u8>,
    /// Bytes of sound that was lost before these: silence stands in for it, so that what follows lies at its time.
    lost_bytes: u64,
}

/// Samples of a second.
pub(super) const RATE_HZ: u32 = 16_000;
/// Bytes of a second.
const SECOND_BYTES: usize = 2 * RATE_HZ as usize;
/// Bytes of a piece that is worth a write.
const PIECE_BYTES: usize = SECOND_BYTES;
/// Bytes of a piece at most: what waits for a slow disk is counted in pieces.
const PIECE_BYTES_MAX: usize = 4 * SECOND_BYTES;

impl Wave {
    /// Takes in samples of −1 to 1. What is no number is silence.
    pub(super) fn push(&mut self, samples: &[f32]) {
        // A cast from a float saturates, and makes 0 of what is no number.
        self.bytes.extend(samples.iter().flat_map(|sample| ((sample * 32_767.0).round() as i16).to_le_bytes()));
    }

    /// The oldest of what was gathered, once that is a piece.
    pub(super) fn piece(&mut self) -> Option<Self> {
        (self.bytes.len() >= PIECE_BYTES).then(|| {
            let rest = self.bytes.split_off(self.bytes.len().min(PIECE_BYTES_MAX));
            std::mem::replace(self, Self { bytes: rest, lost_bytes: 0 })
        })
    }

    /// What was gathered, if anything, or was lost at last.
    pub(super) fn rest(&mut self) -> Option<Self> {
        (!self.bytes.is_empty() || self.lost_bytes > 0).then(|| std::mem::take(self))
    }

    /// A piece that was taken from here could not be kept: silence takes its place.
    pub(super) fn lose(&mut self, piece: &Self) {
        self.lost_bytes += piece.lost_bytes + piece.bytes.len() as u64;
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Bytes of silence before its own.
    pub(super) const fn lost_bytes(&self) -> u64 {
        self.lost_bytes
    }

    /// How much sound that is, rounded up.
    pub(super) fn seconds(&self) -> u64 {
        self.bytes.len().div_ceil(SECOND_BYTES) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_become_whole_numbers_and_pieces_of_a_second() {
        let mut wave = Wave::default();
        wave.push(&[0.0, 1.0, -1.0, 7.0, -7.0, f32::NAN, 0.5]);
        let numbers: Vec<i16> =
            wave.bytes().chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect();
        assert_eq!(numbers, [0, 32_767, -32_767, 32_767, -32_768, 0, 16_384]);
        assert!(wave.piece().is_none());
        wave.push(&vec![0.0; RATE_HZ as usize]);
        assert_eq!(wave.piece().unwrap().seconds(), 2);
        assert!(wave.rest().is_none());
    }

    #[test]
    fn what_comes_at_once_is_cut_and_what_is_lost_goes_along_as_silence() {
        let mut wave = Wave::default();
        wave.push(&vec![0.5; 10 * RATE_HZ as usize]);
        let pieces: Vec<_> = std::iter::from_fn(|| wave.piece()).collect();
        assert_eq!(pieces.iter().map(Wave::seconds).collect::<Vec<_>>(), [4, 4, 2]);
        wave.lose(&pieces[1]);
        wave.lose(&pieces[2]);
        wave.push(&[0.5; 3]);
        let rest = wave.rest().unwrap();
        assert_eq!((rest.lost_bytes(), rest.bytes().len()), (6 * SECOND_BYTES as u64, 6));
        wave.lose(&rest);
        let silence = wave.rest().unwrap();
        assert_eq!((silence.lost_bytes(), silence.bytes().len()), (6 * SECOND_BYTES as u64 + 6, 0));
        assert!(wave.rest().is_none());
    }
}
