//! The report of one or several videos: one HTML file that needs nothing beside it.

use crate::{RecordedError, RecordedErrorKind};
use samovar_media::FfmpegProgram;
use std::path::{Path, PathBuf};

/// How a report is made.
#[derive(Clone, Debug)]
pub struct ReportOptions {
    /// Its title.
    pub title: String,
    /// Reads sample frames; without it there are none.
    pub ffmpeg: Option<FfmpegProgram>,
    /// Sample frames of each video.
    pub samples: usize,
}

/// Writes the report of videos, each a journal with the video's file where that is there: timeline, counts by class, heat map, sample frames.
///
/// # Errors
/// `Journal`, `Output`, `StorageFull`.
pub fn write_report(
    videos: &[(PathBuf, Option<PathBuf>)],
    options: &ReportOptions,
    out: &Path,
) -> Result<(), RecordedError> {
    let _ = (videos, options, out);
    Err(RecordedError::new(RecordedErrorKind::Output, "reports cannot be written yet"))
}
