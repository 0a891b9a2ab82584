//! The report of one or several videos: one HTML file that needs nothing beside it, and the plot of it alone.

mod best_frames;
mod heat_map;
mod page;
mod plot;
mod samples;
mod section;
mod survey;
mod text;
mod timeline;

use crate::RecordedError;
use crate::export::WholeFile;
use samovar_media::FfmpegProgram;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use survey::Survey;
use tokio_util::sync::CancellationToken;

/// How a report is made.
#[derive(Clone, Debug)]
pub struct ReportOptions {
    /// Its title.
    pub title: String,
    /// Reads sample frames; without it there are none.
    pub ffmpeg: Option<FfmpegProgram>,
    /// Sample frames of each video; fewer where there are very many videos.
    pub samples: usize,
}

/// Writes the report of videos, each a journal with the video's file where that is there: what was worked with, how objects come and go
/// over time, counts by class, where in the picture they are, sample frames. One HTML file, whole or not at all, which a browser shows
/// without a network and without scripts; where `out` ends in `.svg` it is the plot over time alone. Memory does not depend on the
/// videos' length. A journal that breaks off is reported as far as it goes; a video that cannot be read has no sample frames. Blocks.
///
/// False, and no file, where it was cancelled, which takes less than a second.
///
/// # Errors
/// `Journal`, `Output`, `StorageFull`.
pub fn write_report(
    videos: &[(PathBuf, Option<PathBuf>)],
    options: &ReportOptions,
    out: &Path,
    cancelled: &CancellationToken,
) -> Result<bool, RecordedError> {
    let mut surveyed = Vec::with_capacity(videos.len());
    for (index, (journal, video)) in videos.iter().enumerate() {
        let Some(survey) = Survey::of(journal, page::samples_of(index, options), cancelled)? else { return Ok(false) };
        surveyed.push((survey, video.as_deref()));
    }
    let mut file = WholeFile::create(out)?;
    let written = if out.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("svg")) {
        write_plots(&surveyed, file.writer())
    } else {
        page::write(&surveyed, (options, cancelled), file.writer())
    };
    written.map_err(|error| RecordedError::output(&error))?;
    if cancelled.is_cancelled() {
        return Ok(false);
    }
    file.finish().map(|()| true)
}

/// The objects of a journal's video over time, by class, as an SVG document: the plot of the report.
///
/// # Errors
/// `Journal`.
pub fn timeline_svg(journal: &Path) -> Result<String, RecordedError> {
    let survey = Survey::of(journal, 0, &CancellationToken::new())?;
    let mut svg = Vec::new();
    write_plots(&[(survey.expect("nobody cancels it"), None)], &mut svg)
        .map_err(|error| RecordedError::output(&error))?;
    Ok(String::from_utf8_lossy(&svg).into_owned())
}

/// The plots one below the other, each under its video's name.
fn write_plots(surveyed: &[(Survey, Option<&Path>)], out: &mut dyn Write) -> io::Result<()> {
    plot::begin_document(surveyed.len(), out)?;
    for (index, (survey, _)) in surveyed.iter().enumerate() {
        plot::write_in_document(index, survey, out)?;
    }
    plot::end_document(out)
}
