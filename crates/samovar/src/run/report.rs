//! Where results go: JSON lines to a file or stdout, sentences to people, counts to the totals.

use super::input::Input;
use super::lines::Lines;
use super::progress::Progress;
use super::record::{FailureRecord, FrameRecord, Record};
use super::totals::{Totals, summary};
use crate::arguments::DetectArguments;
use crate::failure::{CliError, Exit};
use crate::{stderr, stdout};
use comfy_table::{Table, presets};
use samovar_models::Detections;
use samovar_runtime::Completed;
use serde::Serialize;
use std::collections::BTreeMap;

/// Takes every result and failure.
pub struct Report {
    lines: Option<Lines>,
    /// Sentences on stdout.
    sentences: bool,
    /// A table of boxes besides: for a single picture.
    table: bool,
    totals: Totals,
    /// Stopped before all was done.
    interrupted: bool,
}

impl Report {
    /// A report as the command line asks for it, over `inputs` inputs.
    ///
    /// # Errors
    /// Where the output file cannot be made.
    pub fn new(arguments: &DetectArguments, inputs: usize) -> Result<Self, CliError> {
        let lines = Lines::open(arguments.output.as_deref(), arguments.json)?;
        let sentences = !arguments.json;
        Ok(Self { lines, sentences, table: inputs == 1, totals: Totals::start(), interrupted: false })
    }

    /// Takes the result of a picture.
    ///
    /// # Errors
    /// Where the output cannot be written.
    pub fn picture(
        &mut self,
        input: &Input,
        completed: &Completed<Detections>,
        progress: &Progress,
    ) -> Result<(), CliError> {
        let found = &completed.output;
        self.totals.picture(found);
        progress.step();
        self.line(&Record::new(input, None, completed))?;
        if self.sentences { progress.around(|| stdout::print(&self.sentence(input, found))) } else { Ok(()) }
    }

    /// Takes the result of a frame.
    ///
    /// # Errors
    /// As [`picture`](Self::picture).
    pub fn frame(
        &mut self,
        input: &Input,
        frame: FrameRecord,
        completed: &Completed<Detections>,
    ) -> Result<(), CliError> {
        self.totals.frame(&completed.output);
        self.line(&Record::new(input, Some(frame), completed))
    }

    /// Takes an input that failed.
    ///
    /// # Errors
    /// As [`picture`](Self::picture).
    pub fn failure(&mut self, input: &Input, error: &CliError, progress: &Progress) -> Result<(), CliError> {
        self.totals.failure();
        progress.around(|| stderr::line(&format!("{}: {error}", input.label)));
        self.line(&FailureRecord::new(input, error))
    }

    /// Remembers that not everything was done.
    pub const fn interrupt(&mut self) {
        self.interrupted = true;
    }

    /// Writes what is left, tells the totals, and how the command ends.
    ///
    /// # Errors
    /// As [`picture`](Self::picture).
    pub fn end(mut self) -> Result<Exit, CliError> {
        self.lines.as_mut().map_or(Ok(()), Lines::flush)?;
        let stopped = if self.interrupted { "stopped: " } else { "" };
        stderr::line(&format!("{stopped}{}", self.totals));
        Ok(match (self.interrupted, self.totals.failed(), self.totals.done()) {
            (true, ..) => Exit::Interrupted,
            (false, 0, _) => Exit::Ok,
            (false, _, 0) => Exit::Failure,
            (false, ..) => Exit::Partial,
        })
    }

    fn line(&mut self, record: &impl Serialize) -> Result<(), CliError> {
        self.lines.as_mut().map_or(Ok(()), |lines| lines.write(record))
    }

    fn sentence(&self, input: &Input, found: &Detections) -> String {
        let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
        for item in &found.items {
            *counts.entry(&item.label).or_default() += 1;
        }
        let counts = summary(counts.into_iter());
        let line = format!("{} ({}×{}): {counts}\n", input.label, found.width, found.height);
        if self.table && !found.items.is_empty() { format!("{line}{}\n", boxes(found).trim_fmt()) } else { line }
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
