//! Frames of a video with their boxes, and one without any, as JPEG.

use crate::opening::open_unless;
use crate::{FrameRecord, draw_record};
use samovar_media::{
    Canvas, FfmpegProgram, Frame, FramePool, ImageEncoding, MediaError, VideoInput, VideoLimits, VideoOptions,
    VideoSize, encode_image,
};
use std::num::NonZeroU32;
use std::path::Path;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Size of a sample at most, in pixels.
const WIDTH_MAX: NonZeroU32 = NonZeroU32::new(640).expect("it is not zero");
const HEIGHT_MAX: NonZeroU32 = NonZeroU32::new(640).expect("it is not zero");
const JPEG_QUALITY: u8 = 78;
/// Frames that the decoder holds and the canvas.
const FRAMES: usize = 8;
/// The longest video whose frames are read: what was worked through once may be looked at, however long it is.
const DURATION_MAX: Duration = Duration::from_secs(366 * 86_400);

/// Reads frames of one video.
#[derive(Clone, Copy, Debug)]
pub(super) struct Samples<'a> {
    pub(super) program: &'a FfmpegProgram,
    pub(super) video: &'a Path,
    /// No further frame is read then.
    pub(super) cancelled: &'a CancellationToken,
}

/// One sample.
#[derive(Debug)]
pub(super) struct Sample {
    /// JPEG with boxes, names and scores.
    pub(super) drawn: Vec<u8>,
    /// JPEG of the same frame without them.
    pub(super) bare: Vec<u8>,
}

impl Samples<'_> {
    /// The frame of that record; none, with a line in the log, where it cannot be read: a report is not worth less for it.
    pub(super) fn read(&self, record: &FrameRecord) -> Option<Sample> {
        let sample = self.try_read(record);
        if let Err(error) = &sample {
            tracing::warn!(%error, timestamp_ms = record.timestamp_ms, "a report goes without a sample frame");
        }
        sample.ok().flatten()
    }

    fn try_read(&self, record: &FrameRecord) -> Result<Option<Sample>, MediaError> {
        let pool = FramePool::new(FRAMES);
        let Some(frame) = self.frame(record.timestamp(), &pool)? else { return Ok(None) };
        let encoding = ImageEncoding::Jpeg { quality: JPEG_QUALITY };
        let bare = encode_image(&frame, encoding, &pool)?;
        let mut canvas = Canvas::new(&frame, &pool);
        draw_record(&mut canvas, record, frame.width() as f32 / record.image.width.max(1) as f32);
        Ok(Some(Sample { drawn: encode_image(canvas.frame(), encoding, &pool)?, bare }))
    }

    fn frame(&self, time: Duration, pool: &FramePool) -> Result<Option<Frame>, MediaError> {
        let options = VideoOptions {
            start: time,
            size: VideoSize::Fit { width: WIDTH_MAX, height: HEIGHT_MAX },
            frame_count_max: Some(1),
            ..VideoOptions::new(self.program.clone())
        };
        let limits = VideoLimits { duration: DURATION_MAX, ..VideoLimits::default() };
        let video = VideoInput::File(self.video.to_owned());
        match open_unless(video, options, &limits, pool.clone(), self.cancelled)? {
            Some(mut decoder) => decoder.next_frame(),
            None => Ok(None),
        }
    }
}
