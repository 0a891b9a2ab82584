//! A few small pictures of a video, with what was found.

use crate::export::WholeFile;
use crate::frame_choice::SCHEMES;
use crate::opening::open_unless;
use crate::{Drawing, FrameRecord, JournalReader, RecordedError, draw_record};
use samovar_media::{Canvas, FramePool, ImageEncoding, VideoInput, VideoOptions, VideoSize, encode_image};
use std::io::Write;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use tokio_util::sync::CancellationToken;

/// Longest sides of a small picture, in pixels.
const WIDTH_MAX: NonZeroU32 = NonZeroU32::new(480).expect("it is not zero");
const HEIGHT_MAX: NonZeroU32 = NonZeroU32::new(480).expect("it is not zero");
const JPEG_QUALITY: u8 = 85;
/// Frames that the decoder holds.
const FRAMES: usize = 6;

impl Drawing {
    /// Writes `count` JPEG pictures at most to the places that `place` names, from 1 on and in the order of time: of each part of the video,
    /// all equally long, the frame with the most to see. Parts in which nothing was found have none. Tells how many there are. Blocks.
    ///
    /// # Errors
    /// `Media` where the video cannot be decoded, `Journal`, `Output`, `StorageFull`.
    pub fn thumbnails(
        &self,
        (journal, count): (&Path, u32),
        video: &VideoInput,
        place: impl Fn(u32) -> PathBuf,
        cancelled: &CancellationToken,
    ) -> Result<u32, RecordedError> {
        let mut written = 0;
        for record in most_to_see(journal, count)? {
            let Some(jpeg) = self.picture(video.clone(), &record, cancelled)? else { break };
            let mut file = WholeFile::create(&place(written + 1))?;
            file.writer().write_all(&jpeg).map_err(|error| RecordedError::output(&error))?;
            file.finish()?;
            written += 1;
        }
        Ok(written)
    }

    /// The frame of that record, small, with its boxes; none where it was cancelled or the video has no such frame.
    fn picture(
        &self,
        video: VideoInput,
        record: &FrameRecord,
        cancelled: &CancellationToken,
    ) -> Result<Option<Vec<u8>>, RecordedError> {
        let options = VideoOptions {
            start: record.timestamp(),
            size: VideoSize::Fit { width: WIDTH_MAX, height: HEIGHT_MAX },
            frame_count_max: Some(1),
            only_port: self.only_port,
            schemes: SCHEMES.to_vec(),
            ..VideoOptions::new(self.program.clone())
        };
        let pool = FramePool::new(FRAMES);
        let opened = open_unless(video, options, &self.limits, pool.clone(), cancelled)?;
        let Some(mut decoder) = opened else { return Ok(None) };
        let Some(frame) = decoder.next_frame()? else { return Ok(None) };
        let mut canvas = Canvas::new(&frame, &pool);
        let scale = frame.width() as f32 / record.image.width.max(1) as f32;
        draw_record(&mut canvas, record, scale);
        Ok(Some(encode_image(canvas.frame(), ImageEncoding::Jpeg { quality: JPEG_QUALITY }, &pool)?))
    }
}

/// Of each of `count` parts of the journal's time the frame with the most objects, the first of those; none of parts without any.
fn most_to_see(journal: &Path, count: u32) -> Result<Vec<FrameRecord>, RecordedError> {
    let (mut reader, mut span) = (JournalReader::open(journal)?, None);
    while let Some(record) = reader.next_frame()? {
        let (first, _) = span.unwrap_or((record.timestamp_ms, 0.0));
        span = Some((first, record.timestamp_ms));
    }
    let Some((first, last)) = span else { return Ok(Vec::new()) };
    let mut best: Vec<Option<FrameRecord>> = vec![None; count as usize];
    let mut reader = JournalReader::open(journal)?;
    while let Some(record) = reader.next_frame()? {
        let share = (record.timestamp_ms - first) / (last - first).max(1.0);
        let part = ((share * f64::from(count)) as usize).min((count as usize).saturating_sub(1));
        let Some(held) = best.get_mut(part) else { break };
        if record.detections.len() > held.as_ref().map_or(0, |held| held.detections.len()) {
            *held = Some(record);
        }
    }
    Ok(best.into_iter().flatten().collect())
}
