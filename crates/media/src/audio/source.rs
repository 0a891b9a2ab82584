//! What every decoder of recordings does: it gives interleaved samples, block by block.

use super::AudioError;
use super::info::AudioInfo;

/// Some decoded samples.
#[derive(Debug, Default)]
pub(super) struct PcmBlock {
    pub(super) rate_hz: u32,
    pub(super) channels: usize,
    /// Interleaved, full scale is ±1; whole frames only.
    pub(super) samples: Vec<f32>,
}

impl PcmBlock {
    pub(super) fn clear(&mut self) {
        self.samples.clear();
    }

    pub(super) fn frames(&self) -> usize {
        self.samples.len().checked_div(self.channels).unwrap_or(0)
    }
}

/// A decoder of one recording.
pub(super) trait PcmSource: Send {
    /// Replaces `block` by the next samples; false at the end. A block may be empty before that.
    fn next(&mut self, block: &mut PcmBlock) -> Result<bool, AudioError>;

    /// What the header says, once the first block is there.
    fn info(&self) -> AudioInfo;

    /// Whether something in what was read so far is damaged or cut off.
    fn is_damaged(&self) -> bool;
}
