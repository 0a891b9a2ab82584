//! JSON lines on their way to a file or to stdout.

use crate::failure::CliError;
use crate::stdout;
use serde::Serialize;
use std::io::{BufWriter, Write};
use std::path::Path;

/// One JSON object a line.
pub struct Lines {
    out: Box<dyn Write + Send>,
    name: String,
}

impl Lines {
    /// Lines to that file; to stdout where there is none and JSON is wanted; else none.
    ///
    /// # Errors
    /// Where the file cannot be made.
    pub fn open(file: Option<&Path>, json: bool) -> Result<Option<Self>, CliError> {
        match file {
            Some(path) => Self::create(path).map(Some),
            None if json => Ok(Some(Self { out: Box::new(std::io::stdout()), name: "stdout".to_owned() })),
            None => Ok(None),
        }
    }

    /// Lines to that file; one that is there is written over.
    ///
    /// # Errors
    /// Where the file cannot be made.
    pub fn create(path: &Path) -> Result<Self, CliError> {
        let name = path.display().to_string();
        let file = std::fs::File::create(path).map_err(|error| stdout::write_error(&name, &error))?;
        Ok(Self { out: Box::new(BufWriter::new(file)), name })
    }

    /// Writes one.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn write(&mut self, record: &impl Serialize) -> Result<(), CliError> {
        let written = serde_json::to_vec(record).map_err(std::io::Error::from).and_then(|mut line| {
            line.push(b'\n');
            self.out.write_all(&line)
        });
        written.map_err(|error| stdout::write_error(&self.name, &error))
    }

    /// Writes what is held back.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub fn flush(&mut self) -> Result<(), CliError> {
        self.out.flush().map_err(|error| stdout::write_error(&self.name, &error))
    }
}
