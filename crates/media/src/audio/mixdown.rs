//! Which of a recording's channels are heard, and how they become tracks.

use super::source::PcmBlock;
use super::{AudioError, AudioErrorKind};

/// What becomes of the channels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ChannelChoice {
    /// One track: the mean of all.
    #[default]
    Mean,
    /// One track: this channel, counted from zero.
    One(u16),
    /// A track for each channel, as where a call has its caller left and its dispatcher right.
    Separate,
}

impl ChannelChoice {
    /// How many tracks it makes of so many channels.
    pub(super) const fn track_count(self, channels: usize) -> usize {
        match self {
            Self::Mean | Self::One(_) => 1,
            Self::Separate => channels,
        }
    }

    /// Refuses a channel that is not there.
    pub(super) fn check(self, channels: usize) -> Result<(), AudioError> {
        match self {
            Self::One(channel) if usize::from(channel) >= channels => {
                let message = format!("the audio has {channels} channels, counted from 0; ask for one of them");
                Err(AudioError::new(AudioErrorKind::ChannelAbsent, message))
            }
            _ => Ok(()),
        }
    }

    /// Replaces `into` by track `track` of the block.
    pub(super) fn track(self, block: &PcmBlock, track: usize, into: &mut Vec<f32>) {
        let frames = block.samples.chunks_exact(block.channels.max(1));
        into.clear();
        match self {
            Self::Mean if block.channels == 1 => into.extend_from_slice(&block.samples),
            Self::Mean => {
                let share = 1.0 / block.channels as f32;
                into.extend(frames.map(|frame| frame.iter().sum::<f32>() * share));
            }
            Self::One(channel) => into.extend(frames.map(|frame| frame[usize::from(channel)])),
            Self::Separate => into.extend(frames.map(|frame| frame[track])),
        }
    }
}
