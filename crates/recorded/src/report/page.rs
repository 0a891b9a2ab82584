//! The page around the videos' parts: title, an overview where there are several, style.

use super::ReportOptions;
use super::samples::Samples;
use super::section::{self, ending};
use super::survey::Survey;
use super::text::{Text, clock, count};
use std::io::{self, Write};
use std::path::Path;
use tokio_util::sync::CancellationToken;

/// Sample frames of all videos together at most: some 100 KB each.
const SAMPLES_MAX: usize = 300;
/// What the page looks like.
const STYLE: &str = include_str!("style.css");
/// No script runs and nothing is fetched, whatever a name in the page may hold.
const POLICY: &str = "default-src 'none'; img-src data:; style-src 'unsafe-inline'";

/// Sample frames of the video with that place: the first videos have them where there are too many for all.
pub(super) const fn samples_of(index: usize, options: &ReportOptions) -> usize {
    if index.saturating_mul(options.samples) < SAMPLES_MAX { options.samples } else { 0 }
}

/// Writes the whole page, without sample frames from where it is cancelled.
pub(super) fn write(
    surveyed: &[(Survey, Option<&Path>)],
    (options, cancelled): (&ReportOptions, &CancellationToken),
    out: &mut dyn Write,
) -> io::Result<()> {
    let title = Text(&options.title);
    write!(out, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>")?;
    write!(out, "<meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">")?;
    write!(out, "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">")?;
    writeln!(out, "<meta name=\"color-scheme\" content=\"light dark\"><style>{STYLE}</style></head><body><main>")?;
    writeln!(out, "<header><h1>{title}</h1></header>")?;
    if surveyed.len() > 1 {
        write_overview(surveyed, out)?;
    }
    for (survey, video) in surveyed {
        let samples = options.ffmpeg.as_ref().zip(*video);
        let samples = samples.map(|(program, video)| Samples { program, video, cancelled });
        section::write(survey, samples, out)?;
    }
    writeln!(out, "<footer>Samovar {}</footer></main></body></html>", env!("CARGO_PKG_VERSION"))
}

/// A line for each video, and their sums.
fn write_overview(surveyed: &[(Survey, Option<&Path>)], out: &mut dyn Write) -> io::Result<()> {
    write!(
        out,
        "<div class=\"card\"><table><thead><tr><th>video<th>frames<th>objects<th>time<th>end</tr></thead><tbody>"
    )?;
    for (survey, _) in surveyed {
        let (word, end) = ending(survey);
        let summary = &survey.summary;
        write!(out, "<tr><td><bdi>{}</bdi><td>{}", Text(&survey.header.input), count(summary.frames))?;
        write!(out, "<td>{}<td>{}", count(summary.detections), clock(summary.duration_ms))?;
        write!(out, "<td><span class=\"end {word}\">{end}</span></tr>")?;
    }
    let sum = |value: fn(&Survey) -> u64| count(surveyed.iter().map(|(survey, _)| value(survey)).sum());
    let duration_ms: f64 = surveyed.iter().map(|(survey, _)| survey.summary.duration_ms).sum();
    write!(out, "</tbody><tfoot><tr><td>{} videos", surveyed.len())?;
    write!(out, "<td>{}<td>{}", sum(|survey| survey.summary.frames), sum(|survey| survey.summary.detections))?;
    writeln!(out, "<td>{}<td></tr></tfoot></table></div>", clock(duration_ms))
}
