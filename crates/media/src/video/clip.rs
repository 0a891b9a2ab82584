//! The last seconds of a stream as an MP4 file: packets are put into it as they are, pictures are encoded.

use super::FfmpegProgram;
use super::packet_ring::PacketClip;
use super::picture_ring::TimedPicture;
use crate::{MediaError, MediaErrorKind};
use std::path::Path;
use std::time::Duration;

/// How a clip is written.
#[derive(Clone, Debug)]
pub struct ClipOptions {
    /// The program that writes.
    pub program: FfmpegProgram,
    /// Longest file, in bytes.
    pub bytes_max: u64,
    /// Longest time that writing may take.
    pub time_max: Duration,
}

/// What was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClipFacts {
    /// From its first to its last picture.
    pub duration: Duration,
    /// Pictures in it.
    pub pictures: usize,
    /// Pictures of another size, or that could not be decoded, which were left out.
    pub left_out: usize,
    /// Length of the file.
    pub bytes: u64,
}

/// Writes packets to an MP4 file at `path` without encoding them, so that it begins at their key frame. Waits until it is whole.
///
/// # Errors
/// `Unreadable` where the file cannot be made, `TooLarge` where it would be longer than allowed, `OutputFailed` where the disk is full,
/// `DecoderFailed` where the child died, hung or refused the packets. No file is left then.
pub fn write_clip(_clip: &PacketClip, _path: &Path, _options: &ClipOptions) -> Result<ClipFacts, MediaError> {
    Err(MediaError::new(MediaErrorKind::OutputFailed, "clips are not written yet"))
}

/// Decodes pictures and encodes them into an MP4 file at `path`, at their own times. Waits until it is whole.
///
/// # Errors
/// As [`write_clip`]; `UnsupportedFormat` where no picture can be decoded.
pub fn write_picture_clip(
    _pictures: &[TimedPicture],
    _path: &Path,
    _options: &ClipOptions,
) -> Result<ClipFacts, MediaError> {
    Err(MediaError::new(MediaErrorKind::OutputFailed, "clips are not written yet"))
}
