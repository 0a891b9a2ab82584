//! The video with the boxes of its journal drawn in: decoded once more, drawn on, encoded.

use crate::export::Beside;
use crate::opening::open_unless;
use crate::{Drawing, FrameRecord, JournalReader, RecordedError, RecordedErrorKind, draw_record};
use samovar_media::{
    Canvas, EncoderOptions, Frame, FramePool, PoolPurpose, VideoDecoder, VideoEncoder, VideoInput, VideoStep,
};
use std::fs::File;
use std::num::NonZeroU32;
use std::path::Path;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Frames that the decoder holds, and the one that is drawn on.
const FRAMES: usize = 6;
/// Canvases at once: the one being drawn, those that wait for the encoder, and the one in its hands.
const CANVASES: usize = 4;
/// Longest wait for the encoder to take a frame.
const ENCODER_STALL: Duration = Duration::from_secs(30);
/// How often somebody who waits for a frame looks whether it is still wanted.
const LOOK: Duration = Duration::from_millis(50);

impl Drawing {
    /// Writes an MP4 of the frames that the journal holds, with their boxes, whole or not at all; false, and no file, where it was cancelled,
    /// which takes less than a second. It begins where the choice of frames begins. Blocks; memory does not depend on the length.
    ///
    /// # Errors
    /// `Media` where the video cannot be decoded or encoded, `OtherWork` where it is not the journal's, `Journal`, `Output`, `StorageFull`.
    pub fn annotate(
        &self,
        journal: &Path,
        video: VideoInput,
        out: &Path,
        cancelled: &CancellationToken,
    ) -> Result<bool, RecordedError> {
        let mut records = JournalReader::open(journal)?;
        let choice = records.header().choice.clone();
        let Some(first) = records.next_frame()? else { return Err(nothing_to_draw()) };
        let pool = FramePool::bounded(PoolPurpose::Video, FRAMES);
        let mut options = choice.video_options(self.program.clone());
        options.only_port = self.only_port;
        // Its end is that of the journal.
        options.frame_count_max = None;
        let begin = options.start;
        let Some(decoder) = open_unless(video, options, &self.limits, pool, cancelled)? else { return Ok(false) };
        let (_, mut beside) = Beside::create(out).map_err(|error| RecordedError::output(&error))?;
        let mut annotating = Annotating {
            drawing: self,
            path: beside.path().to_owned(),
            begin,
            canvases: FramePool::new(CANVASES),
            encoder: None,
        };
        if !annotating.frames(decoder, records, first, cancelled)? {
            return Ok(false);
        }
        annotating.encoder.take().ok_or_else(other_video)?.finish()?;
        let synced = File::open(beside.path()).and_then(|file| file.sync_all());
        synced.and_then(|()| beside.rename()).map_err(|error| RecordedError::output(&error))?;
        Ok(true)
    }
}

/// A video that is being drawn.
struct Annotating<'a> {
    drawing: &'a Drawing,
    path: std::path::PathBuf,
    /// What counts as the beginning.
    begin: Duration,
    canvases: FramePool,
    /// None before the first frame.
    encoder: Option<VideoEncoder>,
}

impl Annotating<'_> {
    /// Draws every frame of the journal; false where it was cancelled.
    fn frames(
        &mut self,
        mut decoder: VideoDecoder,
        mut records: JournalReader,
        first: FrameRecord,
        cancelled: &CancellationToken,
    ) -> Result<bool, RecordedError> {
        let mut next = Some(first);
        while let Some(record) = &next {
            if cancelled.is_cancelled() {
                return Ok(false);
            }
            let frame = match decoder.step(LOOK)? {
                VideoStep::Frame(frame) => frame,
                VideoStep::Quiet | VideoStep::Opened => continue,
                VideoStep::Ended => return Ok(true),
            };
            if record.timestamp() == frame.timestamp() {
                self.draw(&frame, record)?;
            }
            // What the journal has and the video has not is passed over.
            while next.as_ref().is_some_and(|record| record.timestamp() <= frame.timestamp()) {
                next = records.next_frame()?;
            }
        }
        Ok(true)
    }

    fn draw(&mut self, frame: &Frame, record: &FrameRecord) -> Result<(), RecordedError> {
        let mut canvas = Canvas::new(frame, &self.canvases);
        draw_record(&mut canvas, record, 1.0);
        let drawn = canvas.into_frame();
        let time = drawn.timestamp().saturating_sub(self.begin);
        let drawn = drawn.at(time);
        let encoder = match &mut self.encoder {
            Some(encoder) => encoder,
            none => none.insert(VideoEncoder::create(&self.path, self.drawing.encoding(&drawn))?),
        };
        Ok(encoder.write(drawn)?)
    }
}

impl Drawing {
    fn encoding(&self, frame: &Frame) -> EncoderOptions {
        EncoderOptions {
            program: self.program.clone(),
            width: frame.width(),
            height: frame.height(),
            format: frame.format(),
            threads: NonZeroU32::MIN,
            stall: ENCODER_STALL,
        }
    }
}

fn nothing_to_draw() -> RecordedError {
    RecordedError::new(RecordedErrorKind::Output, "the journal holds no frame to draw on; work the video through first")
}

fn other_video() -> RecordedError {
    RecordedError::new(
        RecordedErrorKind::OtherWork,
        "the video has none of the journal's frames; give the journal's own",
    )
}
