//! Samples as they are kept: 16 bits, mono, 16 kHz, gathered to pieces of about a second.

/// Samples as bytes of a WAV file.
#[derive(Default)]
pub(super) struct Wave {
    bytes: Vec<u8>,
}

/// Samples of a second.
pub(super) const RATE_HZ: u32 = 16_000;
/// Bytes of a piece that is worth a write.
const PIECE_BYTES: usize = 2 * RATE_HZ as usize;

impl Wave {
    /// Takes in samples of −1 to 1. What is no number is silence.
    pub(super) fn push(&mut self, samples: &[f32]) {
        // A cast from a float saturates, and makes 0 of what is no number.
        self.bytes.extend(samples.iter().flat_map(|sample| ((sample * 32_767.0).round() as i16).to_le_bytes()));
    }

    /// What was gathered, once that is a piece.
    pub(super) fn piece(&mut self) -> Option<Self> {
        (self.bytes.len() >= PIECE_BYTES).then(|| std::mem::take(self))
    }

    /// What was gathered, if anything.
    pub(super) fn rest(&mut self) -> Option<Self> {
        (!self.bytes.is_empty()).then(|| std::mem::take(self))
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How much sound that is, rounded up.
    pub(super) fn seconds(&self) -> u64 {
        self.bytes.len().div_ceil(PIECE_BYTES) as u64
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
}
