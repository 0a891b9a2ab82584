//! A video that is opened and read: which of its frames, how many to expect, and how its end is judged.

use super::input::{Input, Source};
use crate::arguments::FrameChoices;
use crate::failure::CliError;
use samovar_media::{
    FfmpegProgram, FramePool, MediaErrorKind, PoolPurpose, UrlScheme, VideoDecoder, VideoEnd, VideoInfo, VideoInput,
    VideoLimits, VideoOptions,
};
use tokio_util::sync::CancellationToken;

/// Which frames of a video are looked at, and who may end it early.
pub struct VideoReading<'a> {
    /// As typed.
    pub frames: FrameChoices,
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
        let mut options = VideoOptions::new(program);
        options.every = self.frames.every;
        options.frame_count_max = self.frames.frames_max.map(Into::into);
        // The operator typed these addresses, so they are allowed; a server never opens one for a client.
        options.schemes = vec![UrlScheme::Http, UrlScheme::Https, UrlScheme::Rtsp];
        let frames = options.frames_ahead.get() as usize + 1 + self.frames_held;
        let pool = FramePool::counted(PoolPurpose::Video, frames);
        let source = match &input.source {
            Source::Url(url) => VideoInput::Url(url.clone()),
            Source::File(path) => VideoInput::File(path.clone()),
            Source::Stdin => {
                return Err(CliError::new("unsupported_media", "a video cannot be read from stdin: give a file"));
            }
        };
        let opening =
            tokio::task::spawn_blocking(move || VideoDecoder::open(source, options, &VideoLimits::default(), pool));
        tokio::select! {
            opened = opening => match opened {
                Ok(opened) => Ok(Some(opened?)),
                Err(_) => Err(CliError::new("internal", "opening the video failed")),
            },
            () = self.cancelled.cancelled() => Ok(None),
        }
    }

    /// Frames to come, as far as the container tells.
    pub fn frames_expected(&self, info: &VideoInfo) -> Option<u64> {
        let duration_s = info.declared_duration?.as_secs_f64();
        let frames = (duration_s * info.declared_frames_per_second? / f64::from(self.frames.every.get())).ceil() as u64;
        Some(self.frames.frames_max.map_or(frames, |max| frames.min(max.get())))
    }
}

/// Whether a video counts as worked through.
///
/// # Errors
/// Where a part of it could not be decoded.
pub fn judge(end: Option<VideoEnd>) -> Result<(), CliError> {
    match end {
        Some(VideoEnd::Damaged { at }) => {
            let message = format!(
                "the video is damaged from about {:.1} s on; what could be decoded was worked through",
                at.as_secs_f64()
            );
            Err(CliError::new(MediaErrorKind::Corrupt.code(), message).cure("fetch or record it again"))
        }
        Some(VideoEnd::Complete | VideoEnd::Truncated(_) | VideoEnd::Changed) | None => Ok(()),
    }
}
