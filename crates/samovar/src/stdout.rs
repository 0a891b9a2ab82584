//! Results on stdout. A reader that has gone (`samovar … | head`) ends the command quietly.

use crate::failure::{CliError, Exit};
use serde::Serialize;
use std::io::{self, Write};

/// Prints text.
///
/// # Errors
/// Where stdout cannot be written to.
pub fn print(text: &str) -> Result<(), CliError> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|error| write_error("stdout", &error))
}

/// Prints a value as indented JSON.
///
/// # Errors
/// As [`print()`].
pub fn print_json(value: &impl Serialize) -> Result<(), CliError> {
    let mut text = serde_json::to_string_pretty(value)
        .map_err(|error| CliError::new("internal", format!("the result cannot be written as JSON: {error}")))?;
    text.push('\n');
    print(&text)
}

/// The failure of a write to `place`.
pub fn write_error(place: &str, error: &io::Error) -> CliError {
    let failure = CliError::new("output_failed", format!("{place} cannot be written: {error}"));
    if error.kind() == io::ErrorKind::BrokenPipe { failure.exit(Exit::Ok).quiet() } else { failure }
}
