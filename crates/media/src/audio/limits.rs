//! What is accepted of one recording or one live stream, before any decoding starts.

use super::{AudioError, AudioErrorKind};
use std::ops::RangeInclusive;
use std::time::Duration;

/// Limits on one recording or one live stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AudioLimits {
    /// Bytes of the file.
    pub bytes: u64,
    /// How long it may last.
    pub duration: Duration,
    /// Channels it may have.
    pub channels: u16,
    /// Rates it may have, in samples per second.
    pub rate_hz: RangeInclusive<u32>,
    /// Longest silence of the decoder child while it has something to decode.
    pub stall: Duration,
    /// Decoded live audio that waits to be taken, at most.
    pub held: Duration,
}

impl Default for AudioLimits {
    fn default() -> Self {
        Self {
            bytes: 8 << 30,
            duration: Duration::from_secs(12 * 3600),
            channels: 8,
            rate_hz: 4_000..=384_000,
            stall: Duration::from_secs(10),
            held: Duration::from_secs(60),
        }
    }
}

impl AudioLimits {
    /// Refuses a rate and number of channels that are over the limits.
    pub(super) fn check_layout(&self, rate_hz: u32, channels: usize) -> Result<(), AudioError> {
        if !self.rate_hz.contains(&rate_hz) {
            let (least, most) = (self.rate_hz.start(), self.rate_hz.end());
            let message = format!("the audio has {rate_hz} samples per second; send {least} to {most}");
            return Err(AudioError::new(AudioErrorKind::Layout, message));
        }
        if channels == 0 || channels > usize::from(self.channels) {
            let message = format!("the audio has {channels} channels; send 1 to {}", self.channels);
            return Err(AudioError::new(AudioErrorKind::Layout, message));
        }
        Ok(())
    }

    /// Refuses a length that is over the limit.
    pub(super) fn check_duration(&self, duration: Duration) -> Result<(), AudioError> {
        if duration > self.duration { Err(AudioError::too_long(self.duration)) } else { Ok(()) }
    }

    /// Refuses a file that is over the limit, or empty.
    pub(super) fn check_bytes(&self, bytes: u64) -> Result<(), AudioError> {
        if bytes == 0 {
            return Err(AudioError::empty());
        }
        if bytes > self.bytes {
            let message = format!("the audio has more than {} bytes; send it compressed or in parts", self.bytes);
            return Err(AudioError::new(AudioErrorKind::TooLarge, message));
        }
        Ok(())
    }
}
