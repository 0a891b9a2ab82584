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
/// # Errors
/// `Journal`, `Output`, `StorageFull`.
pub fn write_report(
    videos: &[(PathBuf, Option<PathBuf>)],
    options: &ReportOptions,
    out: &Path,
) -> Result<(), RecordedError> {
    let surveyed = videos.iter().map(|(journal, video)| Ok((Survey::of(journal, options.samples)?, video.as_deref())));
    let surveyed = surveyed.collect::<Result<Vec<_>, RecordedError>>()?;
    let mut file = WholeFile::create(out)?;
    let written = if out.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("svg")) {
        write_plots(&surveyed, file.writer())
    } else {
        page::write(&surveyed, options, file.writer())
    };
    written.map_err(|error| RecordedError::output(&error))?;
    file.finish()
}

/// The objects of a journal's video over time, by class, as an SVG document: the plot of the report.
///
/// # Errors
/// `Journal`.
pub fn timeline_svg(journal: &Path) -> Result<String, RecordedError> {
    let survey = Survey::of(journal, 0)?;
    let mut svg = Vec::new();
    write_plots(&[(survey, None)], &mut svg).map_err(|error| RecordedError::output(&error))?;
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
