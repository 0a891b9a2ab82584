//! H.264 that a client pushes in, access unit by access unit, decoded by a child of its own.

use super::{FfmpegProgram, VideoSize};
use crate::{Frame, FramePool, MediaError, MediaErrorKind, VideoLimits};
use bytes::Bytes;

/// How access units are decoded.
#[derive(Clone, Debug)]
pub struct AccessUnitOptions {
    /// The program that decodes.
    pub program: FfmpegProgram,
    /// The size of the frames that are delivered.
    pub size: VideoSize,
    /// Of these `side_px` and `stall` hold.
    pub limits: VideoLimits,
    /// Access units that wait for the child at most.
    pub units_waiting_max: usize,
    /// Their bytes at most; a longer access unit is refused.
    pub bytes_waiting_max: usize,
}

/// What comes out of an [`AccessUnitDecoder`].
#[derive(Debug)]
pub enum AccessUnitEvent {
    /// A frame, with the number of its access unit.
    Frame {
        /// As it was pushed.
        number: u64,
        /// Its timestamp is zero: the number tells the time.
        frame: Frame,
    },
    /// An access unit was decoded and gave no picture.
    Empty {
        /// As it was pushed.
        number: u64,
    },
    /// Nothing more comes: the child died, hung or found nothing it could decode.
    Failed(MediaError),
}

/// A decoder that is fed. Dropping it kills the child and joins its threads.
#[derive(Debug)]
pub struct AccessUnitDecoder {}

impl AccessUnitDecoder {
    /// Starts the threads; the child comes with the first key frame. `sink` gets events in order, on a thread of the decoder's own: it may
    /// send on a channel and must not wait for long.
    ///
    /// # Errors
    /// `DecoderFailed` where the system has no thread for it.
    pub fn start(
        _options: AccessUnitOptions,
        _pool: FramePool,
        _sink: impl FnMut(AccessUnitEvent) + Send + 'static,
    ) -> Result<Self, MediaError> {
        Ok(Self {})
    }

    /// Hands over one access unit in Annex B form; never waits. Where too much waits already, the oldest access units up to the
    /// next key frame give way. Returned are the numbers of all that were dropped, this one included where it depends on a dropped one.
    ///
    /// # Errors
    /// `Corrupt` for bytes that are no access unit, `TooLarge` for one that is too long: it is left out, others may follow. What
    /// [`AccessUnitEvent::Failed`] told, after it.
    pub fn push(&self, _number: u64, _unit: Bytes) -> Result<Vec<u64>, MediaError> {
        Err(MediaError::new(MediaErrorKind::DecoderFailed, "access units are not decoded yet"))
    }

    /// The child's process number; none before the first key frame.
    pub fn process_id(&self) -> Option<u32> {
        None
    }
}
