//! Sees the frames of one video as they get their results: tells them, draws them, moves the bar on.

use super::annotate::AnnotatedVideo;
use super::progress::VideoLine;
use super::report::Report;
use crate::failure::CliError;
use parking_lot::Mutex;
use samovar_media::{Frame, VideoInfo};
use samovar_recorded::{FrameRecord, FrameWatch, JournalHeader, RecordedError, RecordedErrorKind, draw_record};
use std::sync::Arc;

/// Sees the frames of one video.
pub struct VideoWatch<'a> {
    /// What its journal is of.
    pub header: &'a JournalHeader,
    /// Takes every frame.
    pub report: &'a Mutex<Report>,
    /// Its line on the display.
    pub line: &'a VideoLine,
    /// Frames that earlier runs did.
    pub earlier: u64,
    /// Frames that this run did.
    pub frames: u64,
    /// The annotated copy, where it is drawn meanwhile.
    pub annotated: Option<AnnotatedVideo>,
    /// Why the work was ended from here.
    pub failure: Option<CliError>,
}

impl VideoWatch<'_> {
    fn take(&mut self, frame: &Frame, record: &FrameRecord) -> Result<(), CliError> {
        if let Some(annotated) = &mut self.annotated {
            annotated.add(frame, |canvas| draw_record(canvas, record, 1.0))?;
        }
        self.report.lock().frame(self.header, record)?;
        self.line.step();
        self.frames += 1;
        Ok(())
    }
}

impl FrameWatch for VideoWatch<'_> {
    fn opened(&mut self, _: &VideoInfo, frames: Option<u64>) {
        self.line.opened(frames, self.earlier);
    }

    fn frame(&mut self, frame: &Arc<Frame>, record: &FrameRecord) -> Result<(), RecordedError> {
        self.take(frame, record).map_err(|error| {
            let told = RecordedError::new(RecordedErrorKind::Output, error.message.clone());
            self.failure = Some(error);
            told
        })
    }
}
