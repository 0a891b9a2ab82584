//! Where the outcomes of an anomaly run go: JSON lines, sentences, the scores of frames, and the totals at the end.

use super::anomaly_arguments::AnomalyArguments;
use super::input::Input;
use super::lines::Lines;
use super::progress::Progress;
use super::record::FailureRecord;
use super::scene_record::{EventRecord, SceneRecord};
use super::totals::{plural, rate, summary};
use crate::failure::{CliError, Exit};
use crate::{stderr, stdout};
use samovar_pipelines::{AnomalyOutcome, SceneEvent, WindowScore, frame_scores};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::{Duration, Instant};

/// Takes every outcome and failure.
pub struct AnomalyReport {
    lines: Option<Lines>,
    /// A line for each frame too.
    frame_lines: bool,
    /// Sentences on stdout.
    sentences: bool,
    scores: Option<ScoresFile>,
    events: BTreeMap<&'static str, u64>,
    frames: u64,
    videos: u64,
    failed: u64,
    started: Instant,
}

/// The scores of all frames on their way to a file.
struct ScoresFile {
    out: BufWriter<File>,
    name: String,
    /// Of the video that is being read.
    frames: Vec<ScoredFrame>,
    windows: Vec<WindowScore>,
}

/// One frame on its way to the file of scores.
struct ScoredFrame {
    /// Its own number in the video.
    number: u64,
    time: Duration,
    /// The highest score of anybody in it as a stream tells it: what thresholds are compared with.
    told: Option<f32>,
}

impl AnomalyReport {
    /// A report as the command line asks for it.
    ///
    /// # Errors
    /// Where an output file cannot be made; frames without anything they could be written to.
    pub fn new(arguments: &AnomalyArguments) -> Result<Self, CliError> {
        let lines = Lines::open(arguments.output.as_deref(), arguments.json)?;
        if arguments.frames && lines.is_none() {
            return Err(CliError::new("invalid_option", "--frames has nowhere to write lines to")
                .cure("add --json, or -o FILE")
                .exit(Exit::Usage));
        }
        Ok(Self {
            lines,
            frame_lines: arguments.frames,
            sentences: !arguments.json,
            scores: arguments.scores.as_deref().map(ScoresFile::create).transpose()?,
            events: BTreeMap::new(),
            frames: 0,
            videos: 0,
            failed: 0,
            started: Instant::now(),
        })
    }

    /// Takes a frame, whose own number in the video is `number`.
    ///
    /// # Errors
    /// Where the output cannot be written.
    pub fn frame(&mut self, input: &Input, number: u64, outcome: &AnomalyOutcome) -> Result<(), CliError> {
        self.frames += 1;
        let (frame, scene) = (&outcome.frame, &outcome.scene);
        if let Some(scores) = &mut self.scores {
            let told = scene.persons.iter().filter_map(|person| person.anomaly_score).reduce(f32::max);
            scores.frames.push(ScoredFrame { number, time: scene.time, told });
            scores.windows.extend_from_slice(&scene.windows);
        }
        let Some(lines) = self.lines.as_mut().filter(|_| self.frame_lines) else { return Ok(()) };
        let size = (frame.width(), frame.height());
        lines.write(&SceneRecord::new(input, (number, scene.time), size, &scene.persons))
    }

    /// Takes an event, told at the frame whose own number is `number`.
    ///
    /// # Errors
    /// As [`frame`](Self::frame).
    pub fn event(
        &mut self,
        input: &Input,
        number: u64,
        event: &SceneEvent,
        progress: &Progress,
    ) -> Result<(), CliError> {
        *self.events.entry(event.kind.name()).or_default() += 1;
        let record = EventRecord::new(input, number, event);
        if let Some(lines) = &mut self.lines {
            lines.write(&record)?;
        }
        if self.sentences { progress.around(|| stdout::print(&record.sentence())) } else { Ok(()) }
    }

    /// Takes the end of a video that was read, if only in part.
    ///
    /// # Errors
    /// As [`frame`](Self::frame).
    pub fn video(&mut self, input: &Input) -> Result<(), CliError> {
        self.videos += 1;
        self.scores.as_mut().map_or(Ok(()), |scores| scores.write_video(input))
    }

    /// Takes an input that failed.
    ///
    /// # Errors
    /// As [`frame`](Self::frame).
    pub fn failure(&mut self, input: &Input, error: &CliError) -> Result<(), CliError> {
        self.failed += 1;
        stderr::line(&format!("{}: {error}", input.label));
        self.lines.as_mut().map_or(Ok(()), |lines| lines.write(&FailureRecord::new(input, error)))
    }

    /// Writes what is left, tells the totals, and how the command ends.
    ///
    /// # Errors
    /// As [`frame`](Self::frame).
    pub fn end(mut self, interrupted: bool) -> Result<Exit, CliError> {
        self.lines.as_mut().map_or(Ok(()), Lines::flush)?;
        self.scores.as_mut().map_or(Ok(()), ScoresFile::flush)?;
        let stopped = if interrupted { "stopped: " } else { "" };
        let took = self.started.elapsed();
        let events = summary(self.events.iter().map(|(name, count)| (*name, *count)));
        let done = format!("{} of {}", plural(self.frames, "frame"), plural(self.videos, "video"));
        let pace = rate(self.frames, took);
        let failed = if self.failed > 0 { format!("; {} failed", plural(self.failed, "input")) } else { String::new() };
        stderr::line(&format!("{stopped}{done} in {:.1} s{pace}; events: {events}{failed}", took.as_secs_f64()));
        Ok(match (interrupted, self.failed, self.frames) {
            (true, ..) => Exit::Interrupted,
            (false, 0, _) => Exit::Ok,
            (false, _, 0) => Exit::Failure,
            (false, ..) => Exit::Partial,
        })
    }
}

impl ScoresFile {
    fn create(path: &Path) -> Result<Self, CliError> {
        let name = path.display().to_string();
        let file = File::create(path).map_err(|error| stdout::write_error(&name, &error))?;
        let mut scores = Self { out: BufWriter::new(file), name, frames: Vec::new(), windows: Vec::new() };
        scores.line("input,frame,time_ms,score,anomaly_score")?;
        Ok(scores)
    }

    /// The video is over, so that its frames can be smoothed along time.
    fn write_video(&mut self, input: &Input) -> Result<(), CliError> {
        let frames = std::mem::take(&mut self.frames);
        let scores = frame_scores(frames.len(), std::mem::take(&mut self.windows));
        let input = quoted(&input.label);
        for (ScoredFrame { number, time, told }, score) in frames.into_iter().zip(scores) {
            let told = told.map(|told| format!("{told:.4}")).unwrap_or_default();
            self.line(&format!("{input},{number},{:.3},{score:.4},{told}", time.as_secs_f64() * 1e3))?;
        }
        Ok(())
    }

    fn line(&mut self, text: &str) -> Result<(), CliError> {
        writeln!(self.out, "{text}").map_err(|error| stdout::write_error(&self.name, &error))
    }

    fn flush(&mut self) -> Result<(), CliError> {
        self.out.flush().map_err(|error| stdout::write_error(&self.name, &error))
    }
}

/// A field of CSV (RFC 4180).
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}
