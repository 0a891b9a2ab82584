//! The child's output: a Sun AU stream of 32-bit floats. It was chosen because its header has a fixed form, has the rate and the
//! channels, and does not claim a length.

use super::pcm::tamed;
use super::source::PcmBlock;
use super::{AudioError, AudioLimits};

/// Bytes of the header's numbers; a note of any length follows.
const HEAD_BYTES: usize = 24;
/// A longer note is nonsense.
const NOTE_BYTES_MAX: u32 = 4_096;
/// 32-bit IEEE floating point.
const ENCODING: u32 = 6;

/// Bytes as they come to samples.
#[derive(Debug, Default)]
pub(super) struct AuStream {
    /// The header so far, or less than one frame.
    rest: Vec<u8>,
    /// Bytes of the note still to leave out.
    note: usize,
    layout: Option<(u32, usize)>,
}

impl AuStream {
    /// The rate and the channels, once the header is there.
    pub(super) const fn layout(&self) -> Option<(u32, usize)> {
        self.layout
    }

    /// Appends the samples of all frames that are whole now.
    pub(super) fn push(&mut self, bytes: &[u8], limits: &AudioLimits, block: &mut PcmBlock) -> Result<(), AudioError> {
        self.rest.extend_from_slice(bytes);
        if self.layout.is_none() && !self.read_head(limits)? {
            return Ok(());
        }
        let skipped = self.note.min(self.rest.len());
        self.rest.drain(..skipped);
        self.note -= skipped;
        let Some((rate_hz, channels)) = self.layout else { return Ok(()) };
        (block.rate_hz, block.channels) = (rate_hz, channels);
        let whole = self.rest.len() - self.rest.len() % (4 * channels);
        let samples = self.rest[..whole].as_chunks::<4>().0.iter();
        block.samples.extend(samples.map(|sample| tamed(f32::from_be_bytes(*sample))));
        self.rest.drain(..whole);
        Ok(())
    }

    /// False where more is needed.
    fn read_head(&mut self, limits: &AudioLimits) -> Result<bool, AudioError> {
        let Some(head) = self.rest.first_chunk::<HEAD_BYTES>() else { return Ok(false) };
        let word = |at: usize| u32::from_be_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let (offset, rate_hz, channels) = (word(4), word(16), word(20));
        let is_sound = head.starts_with(b".snd") && word(12) == ENCODING;
        if !is_sound || !(HEAD_BYTES as u32..=NOTE_BYTES_MAX).contains(&offset) {
            return Err(AudioError::died());
        }
        limits.check_layout(rate_hz, channels as usize)?;
        self.layout = Some((rate_hz, channels as usize));
        self.note = offset as usize - HEAD_BYTES;
        self.rest.drain(..HEAD_BYTES);
        Ok(true)
    }
}
