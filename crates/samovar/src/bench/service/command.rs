//! Runs what was asked for and prints it.

use super::arguments::BenchServiceArguments;
use super::embedding::embedding;
use super::fairness::{Files, fairness};
use super::overhead::overhead;
use super::report::Figures;
use crate::failure::{CliError, Exit};
use crate::stdout;
use std::path::Path;
use std::time::Duration;

/// Runs the command.
///
/// # Errors
/// A model, a server that does not start, or a Python without what its script needs.
pub fn service(arguments: &BenchServiceArguments) -> Result<Exit, CliError> {
    // Before anything is measured for minutes.
    arguments
        .files()
        .try_for_each(|file| std::fs::File::open(file).map(drop).map_err(|error| unreadable(file, &error)))?;
    let figures = event_loop()?.block_on(measure(arguments))?;
    if arguments.json {
        stdout::print_json(&figures)?;
    } else {
        stdout::print(&figures.text())?;
    }
    Ok(Exit::Ok)
}

fn unreadable(file: &Path, error: &std::io::Error) -> CliError {
    CliError::new("file_unreadable", format!("{}: {error}", file.display()))
}

fn event_loop() -> Result<tokio::runtime::Runtime, CliError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| CliError::new("internal", format!("the system gives no event loop: {error}")))
}

async fn measure(arguments: &BenchServiceArguments) -> Result<Figures, CliError> {
    let mut figures = Figures::new();
    let duration = Duration::from_secs(arguments.duration);
    if !arguments.no_overhead {
        figures.overhead = Some(overhead(arguments.repetitions, duration).await?);
    }
    let Some(model) = &arguments.embedding else { return Ok(figures) };
    if let (Some(detector), Some(faces), Some(picture)) = (&arguments.detector, &arguments.faces, &arguments.picture) {
        figures.fairness = fairness(arguments, Files { embedding: model, detector, faces, picture }).await?;
    }
    if !arguments.no_sentences {
        figures.embedding = Some(embedding(arguments, model).await?);
    }
    Ok(figures)
}
