//! A video opened in the background, so that whoever waits for it can give up.

use crate::{RecordedError, RecordedErrorKind};
use samovar_media::{
    FramePool, MediaError, MediaErrorKind, VideoDecoder, VideoInput, VideoLimits, VideoOptions, VideoStep,
};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often somebody who waits for a video looks whether it is still wanted.
const LOOK: Duration = Duration::from_millis(50);

/// Opens a video; none where it was cancelled.
///
/// # Errors
/// What is wrong with the video.
pub(crate) async fn open(
    input: VideoInput,
    options: VideoOptions,
    limits: VideoLimits,
    pool: &FramePool,
    cancelled: &CancellationToken,
) -> Result<Option<VideoDecoder>, RecordedError> {
    let (pool, cancelled) = (pool.clone(), cancelled.clone());
    let opening = tokio::task::spawn_blocking(move || open_unless(input, options, &limits, pool, &cancelled));
    match opening.await {
        Ok(opened) => Ok(opened?),
        Err(_) => Err(RecordedError::new(RecordedErrorKind::Run("internal"), "opening the video failed; try again")),
    }
}

/// The same for whoever may block.
///
/// # Errors
/// What is wrong with the video.
pub(crate) fn open_unless(
    input: VideoInput,
    options: VideoOptions,
    limits: &VideoLimits,
    pool: FramePool,
    cancelled: &CancellationToken,
) -> Result<Option<VideoDecoder>, MediaError> {
    if cancelled.is_cancelled() {
        return Ok(None);
    }
    let mut decoder = VideoDecoder::begin(input, options, limits, pool)?;
    while !cancelled.is_cancelled() {
        match decoder.step(LOOK)? {
            VideoStep::Quiet => {}
            VideoStep::Opened => return Ok(Some(decoder)),
            VideoStep::Frame(_) | VideoStep::Ended => {
                let sentence = "the limits leave no picture of the video; begin earlier";
                return Err(MediaError::new(MediaErrorKind::TooLarge, sentence));
            }
        }
    }
    Ok(None)
}
