//! Runs every contender on every model in turn, so that a noisy machine disturbs all of them alike.

use super::arguments::BenchSpeechArguments;
use super::contender::Contender;
use super::report::{Figures, ModelFigures, Row};
use crate::bench::workplace::Workplace;
use crate::failure::{CliError, Exit};
use crate::{stderr, stdout};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Runs the command.
///
/// # Errors
/// A model, or a contender that fails.
pub fn speech(arguments: &BenchSpeechArguments) -> Result<Exit, CliError> {
    let workplace = Workplace::new("speech")?;
    let mut models = arguments.model.clone();
    models.extend(shapes(arguments, workplace.path())?);
    let mut figures = Figures::new();
    for model in &models {
        figures.models.push(measure(arguments, model, &workplace)?);
    }
    if arguments.json {
        stdout::print_json(&figures)?;
    } else {
        stdout::print(&figures.text())?;
    }
    Ok(Exit::Ok)
}

/// The folders of the shapes that are asked for.
fn shapes(arguments: &BenchSpeechArguments, workplace: &Path) -> Result<Vec<PathBuf>, CliError> {
    let Some(python) = arguments.python.as_ref().filter(|_| !arguments.shape.is_empty()) else { return Ok(Vec::new()) };
    stderr::line("making random weights");
    let folder = workplace.join("shapes");
    let made = Command::new(python).arg(&arguments.shapes_script).arg("--shapes").arg(&folder).output();
    match made {
        Ok(output) if output.status.success() => Ok(arguments.shape.iter().map(|name| folder.join(name)).collect()),
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr).trim().lines().last().unwrap_or_default().to_owned();
            Err(CliError::new("bench_failed", format!("the weights cannot be made: {said}"))
                .cure("pip install torch transformers onnx"))
        }
        Err(error) => Err(CliError::new("bench_failed", format!("the weights cannot be made: {error}"))),
    }
}

/// The first start of each compiles or converts, and is not counted: its load is told beside that of the others.
fn measure(arguments: &BenchSpeechArguments, model: &Path, workplace: &Workplace) -> Result<ModelFigures, CliError> {
    let name = model.file_name().unwrap_or(model.as_os_str()).to_string_lossy().into_owned();
    let work = workplace.emptied(&format!("work-{name}"))?;
    let contenders = Contender::all(arguments);
    let mut measured = vec![Vec::new(); contenders.len()];
    for repetition in 0..=arguments.repetitions.max(1) {
        for (contender, measured) in contenders.iter().zip(&mut measured) {
            stderr::line(&format!("{name}: {}, {repetition} of {}", contender.name(), arguments.repetitions.max(1)));
            measured.push(contender.measure(arguments, model, &work)?);
        }
    }
    let rows = contenders.iter().zip(&measured).map(|(who, runs)| Row::new(who, runs)).collect();
    Ok(ModelFigures { model: name, rows })
}
