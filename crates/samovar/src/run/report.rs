//! What is told while results come: JSON lines, sentences to people, counts to the totals.

use super::input::Input;
use super::lines::Lines;
use super::progress::Progress;
use super::record::{FailureRecord, PictureLine};
use super::side_lines::{LinePlace, SideLines};
use super::totals::{Totals, plural, rate, summary};
use crate::failure::{CliError, Exit};
use crate::{stderr, stdout};
use comfy_table::{Table, presets};
use samovar_models::Detections;
use samovar_recorded::{FrameLine, FrameRecord, JournalHeader, Summary};
use samovar_runtime::Completed;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Takes every result and failure.
pub struct Report {
    /// Lines on stdout.
    pub stdout: Option<Lines>,
    /// What stands in no journal, on its way to the file of results.
    pub lines: ResultLines,
    /// Sentences on stdout.
    pub sentences: bool,
    /// Several inputs; a single picture is told with a table of its boxes.
    pub several: bool,
    /// Nothing but failures on stderr.
    pub quiet: bool,
    /// What is shown meanwhile.
    pub progress: Arc<Progress>,
    /// Counts over all.
    pub totals: Totals,
    /// Videos that another run may well come to the end of.
    pub unfinished: u64,
}

/// Where lines go that stand in no journal.
pub enum ResultLines {
    /// No file was asked for.
    Nowhere,
    /// Straight into the file of results, which holds nothing else.
    Straight(Lines),
    /// Kept until the file is put together.
    Kept(SideLines),
}

impl ResultLines {
    /// Where the line of an input is kept.
    pub fn place(&self, index: usize) -> Option<LinePlace> {
        if let Self::Kept(lines) = self { lines.place(index) } else { None }
    }
}

impl Report {
    /// Takes the result of the picture with that place among the inputs.
    ///
    /// # Errors
    /// Where the output cannot be written.
    pub fn picture(&mut self, index: usize, input: &Input, completed: &Completed<Detections>) -> Result<(), CliError> {
        let found = &completed.output;
        self.totals.picture(found);
        self.progress.input_ended(false);
        self.line(index, &PictureLine::new(input, completed))?;
        let sentence = || stdout::print(&self.sentence(input, found));
        if self.sentences { self.progress.around(sentence) } else { Ok(()) }
    }

    /// Takes the result of a frame, which is in its journal already.
    ///
    /// # Errors
    /// As [`picture`](Self::picture).
    pub fn frame(&mut self, header: &JournalHeader, record: &FrameRecord) -> Result<(), CliError> {
        self.totals.frame(&record.detections);
        let Some(stdout) = &mut self.stdout else { return Ok(()) };
        stdout.write(&FrameLine::new(header, record))
    }

    /// Takes the end of a video: what is in it, and what of it was done now.
    pub fn video(&mut self, input: &Input, found: &Summary, (frames, took): (u64, Duration)) {
        self.progress.input_ended(false);
        if self.quiet || !self.several {
            return;
        }
        let counts = summary(found.classes.iter().map(|(label, class)| (label.as_str(), class.detections)));
        let now = match (frames, found.frames) {
            (0, _) => ", done before".to_owned(),
            (now, all) if now == all => format!(" in {:.1} s{}", took.as_secs_f64(), rate(now, took)),
            (now, _) => format!(", {now} of them now, in {:.1} s{}", took.as_secs_f64(), rate(now, took)),
        };
        self.progress.tell(&format!("{}: {}{now}; found: {counts}", input.label, plural(found.frames, "frame")));
    }

    /// Takes an input that failed.
    ///
    /// # Errors
    /// As [`picture`](Self::picture).
    pub fn failure(&mut self, index: usize, input: &Input, error: &CliError) -> Result<(), CliError> {
        self.totals.failure();
        self.progress.input_ended(true);
        self.progress.tell(&format!("{}: {error}", input.label));
        self.line(index, &FailureRecord::new(input, error))
    }

    /// Writes what is held back.
    ///
    /// # Errors
    /// As [`picture`](Self::picture).
    pub fn flush(&mut self) -> Result<(), CliError> {
        self.stdout.as_mut().map_or(Ok(()), Lines::flush)?;
        if let ResultLines::Straight(lines) = &mut self.lines { lines.flush() } else { Ok(()) }
    }

    /// Tells the totals, and how the command ends.
    pub fn end(self, interrupted: bool) -> Exit {
        self.progress.end();
        if !self.quiet {
            let stopped = if interrupted { "stopped: " } else { "" };
            stderr::line(&format!("{stopped}{}", self.totals));
        }
        match (interrupted, self.totals.failed(), self.totals.done()) {
            (true, ..) => Exit::Interrupted,
            (false, 0, _) => Exit::Ok,
            (false, _, 0) => Exit::Failure,
            (false, ..) => Exit::Partial,
        }
    }

    fn line(&mut self, index: usize, record: &impl Serialize) -> Result<(), CliError> {
        self.stdout.as_mut().map_or(Ok(()), |lines| lines.write(record))?;
        match &mut self.lines {
            ResultLines::Nowhere => Ok(()),
            ResultLines::Straight(lines) => lines.write(record),
            ResultLines::Kept(lines) => lines.add(index, record),
        }
    }

    fn sentence(&self, input: &Input, found: &Detections) -> String {
        let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
        for item in &found.items {
            *counts.entry(&item.label).or_default() += 1;
        }
        let counts = summary(counts.into_iter());
        let line = format!("{} ({}×{}): {counts}\n", input.label, found.width, found.height);
        if self.several || found.items.is_empty() { line } else { format!("{line}{}\n", boxes(found).trim_fmt()) }
    }
}

/// The boxes as a table.
fn boxes(found: &Detections) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(["class", "score", "left", "top", "right", "bottom"]);
    for item in &found.items {
        let sides = [item.bbox.x1, item.bbox.y1, item.bbox.x2, item.bbox.y2].map(|side| format!("{side:.1}"));
        table.add_row([vec![item.label.to_string(), format!("{:.2}", item.score)], sides.to_vec()].concat());
    }
    table
}
