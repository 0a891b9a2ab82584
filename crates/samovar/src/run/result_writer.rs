//! The file of results put together from journals, and from lines that stand in none.

use super::annotate::make_folder_of;
use super::result_target::ResultTarget;
use super::side_lines::LinePlace;
use crate::failure::{CliError, Exit};
use crate::stdout;
use samovar_recorded::{Export, ResultFormat, export_unless};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use tokio_util::sync::CancellationToken;

/// Puts files of results together.
#[derive(Clone, Debug)]
pub struct ResultWriter {
    /// What is written.
    pub export: Export,
    /// A folder on the same disk as the results.
    pub scratch: PathBuf,
    /// The file with lines that stand in no journal.
    pub lines: PathBuf,
    /// The target only takes bytes.
    pub is_special: bool,
    /// Gives a file up.
    pub cancelled: CancellationToken,
}

/// What one input gives to a file of results.
#[derive(Clone, Debug, Default)]
pub struct ResultPart {
    /// The journal of a video.
    pub journal: Option<PathBuf>,
    /// The line of a picture or of a failure; in JSON Lines alone.
    pub line: Option<LinePlace>,
}

impl ResultWriter {
    /// A writer for that target.
    pub fn new(
        target: &ResultTarget,
        track: bool,
        (scratch, lines): (&Path, &Path),
        cancelled: &CancellationToken,
    ) -> Self {
        Self {
            export: Export { format: target.format, track },
            scratch: scratch.to_path_buf(),
            lines: lines.to_path_buf(),
            is_special: target.is_special(),
            cancelled: cancelled.clone(),
        }
    }

    /// Writes what the inputs give, in their order, whole or not at all. Inputs that give nothing at all make no file.
    ///
    /// # Errors
    /// Where it cannot be written, or a journal cannot be read.
    pub fn write(&self, parts: &[ResultPart], out: &Path) -> Result<(), CliError> {
        let has_lines = self.export.format == ResultFormat::Jsonl && parts.iter().any(|part| part.line.is_some());
        let journals: Vec<PathBuf> = parts.iter().filter_map(|part| part.journal.clone()).collect();
        if journals.is_empty() && !has_lines {
            return Ok(());
        }
        make_folder_of(out)?;
        if !has_lines && !self.is_special {
            return self.export(&journals, out);
        }
        let whole = self.scratch.join("whole.part");
        if has_lines {
            self.assemble(parts, &whole)?;
        } else {
            self.export(&journals, &whole)?;
        }
        let placed = if self.is_special { copy(&whole, out) } else { std::fs::rename(&whole, out) };
        placed.map_err(|error| failed(out, &error))
    }

    fn export(&self, journals: &[PathBuf], out: &Path) -> Result<(), CliError> {
        let whole = export_unless(journals, &self.export, out, &self.cancelled)?;
        if whole { Ok(()) } else { Err(stopped()) }
    }

    fn assemble(&self, parts: &[ResultPart], whole: &Path) -> Result<(), CliError> {
        let one = self.scratch.join("one.part");
        let file = File::create(whole).map_err(|error| failed(whole, &error))?;
        let mut out = BufWriter::new(file);
        for part in parts {
            if let Some(journal) = &part.journal {
                self.export(std::slice::from_ref(journal), &one)?;
                File::open(&one)
                    .and_then(|mut one| io::copy(&mut one, &mut out))
                    .map_err(|error| failed(whole, &error))?;
            }
            if let Some(line) = part.line {
                line.copy(&self.lines, &mut out).map_err(|error| failed(whole, &error))?;
            }
        }
        out.flush().and_then(|()| out.get_ref().sync_all()).map_err(|error| failed(whole, &error))
    }
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    io::copy(&mut File::open(from)?, &mut File::options().write(true).open(to)?).map(drop)
}

fn failed(path: &Path, error: &io::Error) -> CliError {
    stdout::write_error(&path.display().to_string(), error)
}

/// The work was ended by Ctrl-C: whoever typed it knows.
pub fn stopped() -> CliError {
    CliError::new(STOPPED, "writing the results was stopped").exit(Exit::Interrupted).quiet()
}

/// The code of [`stopped`].
pub const STOPPED: &str = "stopped";
