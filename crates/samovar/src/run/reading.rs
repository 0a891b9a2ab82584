//! A video that is opened and read: which of its frames, how many to expect, and how its end is judged.

use super::input::{Input, Source};
use crate::failure::CliError;
use samovar_media::{
    FfmpegProgram, FramePool, MediaErrorKind, PoolPurpose, VideoDecoder, VideoEnd, VideoInput, VideoLimits,
};
use samovar_recorded::FrameChoice;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// A year.
const DURATION_MAX: Duration = Duration::from_secs(366 * 86_400);

/// Which frames of a video are looked at, and who may end it early.
pub struct VideoReading<'a> {
    /// As typed.
    pub frames: FrameChoice,
    /// Frames that somebody holds besides the decoder.
    pub frames_held: usize,
    /// Ends everything early.
    pub cancelled: &'a CancellationToken,
}

impl VideoReading<'_> {
    /// Opens a video; none where it was cancelled.
    ///
    /// # Errors
    /// What is wrong with the video.
    pub async fn open(&self, input: &Input, program: FfmpegProgram) -> Result<Option<VideoDecoder>, CliError> {
        // The operator typed the addresses, so they are allowed; a server never opens one for a client.
        let options = self.frames.video_options(program);
        let frames = options.frames_ahead.get() as usize + 1 + self.frames_held;
        let pool = FramePool::counted(PoolPurpose::Video, frames);
        let source = source(input)?;
        let opening = tokio::task::spawn_blocking(move || VideoDecoder::open(source, options, &limits(), pool));
        tokio::select! {
            opened = opening => match opened {
                Ok(opened) => Ok(Some(opened?)),
                Err(_) => Err(CliError::new("internal", "opening the video failed")),
            },
            () = self.cancelled.cancelled() => Ok(None),
        }
    }
}

/// What a video may be that was typed. However long it is, it is wanted whole; a camera sends on for as long as somebody looks.
pub fn limits() -> VideoLimits {
    VideoLimits { duration: DURATION_MAX, ..VideoLimits::default() }
}

/// The video that an input means.
///
/// # Errors
/// Standard input, which holds none.
pub fn source(input: &Input) -> Result<VideoInput, CliError> {
    match &input.source {
        Source::Url(url) => Ok(VideoInput::Url(url.clone())),
        Source::File(path) => Ok(VideoInput::File(path.clone())),
        Source::Stdin => Err(CliError::new("unsupported_media", "a video cannot be read from stdin: give a file")),
    }
}

/// Whether a video counts as worked through.
///
/// # Errors
/// Where a part of it could not be decoded.
pub fn judge(end: Option<VideoEnd>) -> Result<(), CliError> {
    match end {
        Some(VideoEnd::Damaged { at }) => Err(damaged(at.as_secs_f64())),
        Some(VideoEnd::Complete | VideoEnd::Truncated(_) | VideoEnd::Changed) | None => Ok(()),
    }
}

/// The failure of a video that is damaged from there on.
pub fn damaged(at_s: f64) -> CliError {
    let message = format!("the video is damaged from about {at_s:.1} s on; what could be decoded was worked through");
    CliError::new(MediaErrorKind::Corrupt.code(), message).cure("fetch or record it again")
}
