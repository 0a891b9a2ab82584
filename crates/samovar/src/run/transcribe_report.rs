//! What is told while recordings are heard: lines on stdout as they come, failures, and the totals at the end.

use super::input::Input;
use super::progress::{Progress, clock};
use super::record::FailureRecord;
use super::totals::plural;
use super::transcribe_arguments::TranscriptFormat;
use super::transcript_record::{json_line, line, text_line, timed_line};
use crate::failure::{CliError, Exit};
use crate::{stderr, stdout};
use samovar_service::speech::TranscriptSegment;
use std::time::{Duration, Instant};

/// Takes every segment and failure.
pub struct TranscribeReport {
    /// What is shown meanwhile.
    pub progress: Progress,
    /// What is told on stdout as it comes; see `TranscriptTarget::spoken_format`.
    spoken: Option<Option<TranscriptFormat>>,
    /// Several inputs: each is named before its lines.
    several: bool,
    quiet: bool,
    /// The input whose lines stand last.
    named: Option<String>,
    recordings: u64,
    failed: u64,
    heard_s: f64,
    started: Instant,
}

impl TranscribeReport {
    /// A report over so many inputs.
    pub fn new(spoken: Option<Option<TranscriptFormat>>, inputs: usize, quiet: bool) -> Self {
        Self {
            progress: Progress::new(inputs, quiet),
            spoken,
            several: inputs > 1,
            quiet,
            named: None,
            recordings: 0,
            failed: 0,
            heard_s: 0.0,
            started: Instant::now(),
        }
    }

    /// Takes a segment as soon as it is final.
    ///
    /// # Errors
    /// Where stdout cannot be written to.
    pub fn segment(&mut self, input: &Input, segment: &TranscriptSegment) -> Result<(), CliError> {
        let Some(format) = self.spoken else { return Ok(()) };
        let text = match format {
            None => timed_line(segment),
            Some(TranscriptFormat::Jsonl) => json_line(input, segment)?,
            Some(_) => text_line(segment),
        };
        let heading = self.heading(input, format);
        self.progress.around(|| stdout::print(&(heading + &text)))
    }

    /// Takes the end of a recording of which so many seconds were heard.
    pub fn recording(&mut self, input: &Input, heard_s: f64, took: Duration) {
        self.recordings += 1;
        self.heard_s += heard_s;
        if self.several && !self.quiet && self.spoken.is_none() {
            self.progress.tell(&format!("{}: {}", input.label, pace(heard_s, took)));
        }
    }

    /// Takes an input that failed, wholly or in part.
    ///
    /// # Errors
    /// As [`segment`](Self::segment).
    pub fn failure(&mut self, input: &Input, error: &CliError) -> Result<(), CliError> {
        self.failed += 1;
        self.progress.tell(&format!("{}: {error}", input.label));
        if self.spoken != Some(Some(TranscriptFormat::Jsonl)) {
            return Ok(());
        }
        let text = line(&FailureRecord::new(input, error))?;
        self.progress.around(|| stdout::print(&text))
    }

    /// Tells the totals, and how the command ends.
    pub fn end(self, interrupted: bool) -> Exit {
        self.progress.end();
        if !self.quiet {
            let stopped = if interrupted { "stopped: " } else { "" };
            let failed =
                if self.failed > 0 { format!("; {} failed", plural(self.failed, "input")) } else { String::new() };
            let done = match self.recordings {
                0 => "nothing heard".to_owned(),
                count => format!("{}, {}", plural(count, "recording"), pace(self.heard_s, self.started.elapsed())),
            };
            stderr::line(&format!("{stopped}{done}{failed}"));
        }
        match (interrupted, self.failed, self.recordings) {
            (true, ..) => Exit::Interrupted,
            (false, 0, _) => Exit::Ok,
            (false, _, 0) => Exit::Failure,
            (false, ..) => Exit::Partial,
        }
    }

    /// The name of the input before its first line.
    fn heading(&mut self, input: &Input, format: Option<TranscriptFormat>) -> String {
        if !self.several || format == Some(TranscriptFormat::Jsonl) || self.named.as_ref() == Some(&input.label) {
            return String::new();
        }
        let space = if self.named.is_some() { "\n" } else { "" };
        self.named = Some(input.label.clone());
        format!("{space}{}:\n", input.label)
    }
}

/// `0:15 of sound in 1.2 s (12.5 × real time)`.
fn pace(heard_s: f64, took: Duration) -> String {
    let (heard, took_s) = (clock(Duration::from_secs_f64(heard_s.max(0.0))), took.as_secs_f64());
    format!("{heard} of sound in {took_s:.1} s ({:.1} × real time)", heard_s / took_s.max(1e-3))
}
