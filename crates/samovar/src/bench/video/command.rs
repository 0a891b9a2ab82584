//! Runs every contender on every video in turn, so that a noisy machine disturbs all of them alike.

use super::arguments::BenchVideoArguments;
use super::contender::{Contender, own};
use super::report::{AtOnce, Figures, Row, VideoFigures};
use super::{clips, long};
use crate::bench::workplace::Workplace;
use crate::config::ConfigFile;
use crate::failure::{CliError, Exit};
use crate::{here, stderr, stdout};
use std::path::{Path, PathBuf};

/// Runs the command.
///
/// # Errors
/// The model, a video, or a contender that fails.
pub fn video(arguments: &BenchVideoArguments, config: Option<&Path>) -> Result<Exit, CliError> {
    let file = ConfigFile::find(config)?;
    let program = here::ffmpeg(&file.config)?;
    let workplace = Workplace::new("videos")?;
    let videos = if arguments.video.is_empty() { clips::usual(&workplace, &program)? } else { arguments.video.clone() };
    let mut figures = Figures::new();
    for video in &videos {
        figures.videos.push(measure(arguments, video)?);
    }
    if arguments.at_once > 1 {
        figures.at_once = videos.first().map(|video| at_once(arguments, video)).transpose()?;
    }
    if arguments.long {
        figures.long = Some(long::long(arguments, &workplace, &program)?);
    }
    if arguments.json {
        stdout::print_json(&figures)?;
    } else {
        stdout::print(&figures.text())?;
    }
    Ok(Exit::Ok)
}

fn measure(arguments: &BenchVideoArguments, video: &Path) -> Result<VideoFigures, CliError> {
    let contenders = Contender::all(arguments);
    let mut measured = vec![Vec::new(); contenders.len()];
    for repetition in 1..=arguments.repetitions.max(1) {
        for (contender, measured) in contenders.iter().zip(&mut measured) {
            stderr::line(&format!("{}: {}, {repetition} of {}", shown(video), contender.name(), arguments.repetitions));
            let is_last = repetition == arguments.repetitions.max(1);
            measured.push(contender.measure(arguments, video, is_last)?);
        }
    }
    stderr::line(&format!("{}: frame by frame", shown(video)));
    let one_by_one = own(arguments, &arguments.model, video, &["--queue", "1"])?;
    let rows: Vec<Row> = contenders.iter().zip(&measured).map(|(who, runs)| Row::new(who.name(), runs)).collect();
    let same = measured.first().and_then(|runs| runs.last()).is_some_and(|run| run.digests == one_by_one.digests);
    Ok(VideoFigures { video: shown(video), rows, same_as_frame_by_frame: same })
}

/// The same video several times, one after the other and at once.
fn at_once(arguments: &BenchVideoArguments, video: &Path) -> Result<AtOnce, CliError> {
    let copies = arguments.at_once.to_string();
    stderr::line(&format!("{}: {copies} one after the other, then at once", shown(video)));
    let turns = own(arguments, &arguments.model, video, &["--copies", &copies])?;
    let together = own(arguments, &arguments.model, video, &["--copies", &copies, "--at-once", &copies])?;
    Ok(AtOnce::new(arguments.at_once, &turns, &together))
}

fn shown(video: &Path) -> String {
    PathBuf::from(video.file_name().unwrap_or(video.as_os_str())).display().to_string()
}
