//! Who is measured: Samovar, and what people run today, each in a process of its own on the same weights.

use super::arguments::BenchSpeechArguments;
use super::once::Once;
use crate::failure::CliError;
use std::path::Path;
use std::process::{Command, Stdio};

/// Who is measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Contender {
    /// Samovar in that precision.
    Samovar(&'static str),
    /// A program in Python.
    Python(String),
}

impl Contender {
    /// Everybody who is measured.
    pub fn all(arguments: &BenchSpeechArguments) -> Vec<Self> {
        let own: &[&'static str] = match arguments.choices.precision.word() {
            "auto" => &["f32", "auto"],
            "f32" => &["f32"],
            _ => &["bf16"],
        };
        let others = arguments.contender.iter().filter(|_| arguments.python.is_some());
        own.iter().map(|precision| Self::Samovar(precision)).chain(others.cloned().map(Self::Python)).collect()
    }

    /// As it is shown.
    pub fn name(&self) -> String {
        match self {
            Self::Samovar("auto") => "Samovar, fastest".to_owned(),
            Self::Samovar(precision) => format!("Samovar, {precision}"),
            Self::Python(name) => name.clone(),
        }
    }

    /// Measures one model once.
    ///
    /// # Errors
    /// Where the process fails: a model, a package that is missing.
    pub fn measure(&self, arguments: &BenchSpeechArguments, model: &Path, plans: &Path) -> Result<Once, CliError> {
        match self {
            Self::Samovar(precision) => figures(own(arguments, model, plans, precision)?),
            Self::Python(name) => {
                let python = arguments.python.as_deref().unwrap_or(Path::new("python3"));
                let mut command = Command::new(python);
                command.arg(&arguments.script).arg(model).args(["--program", name]).arg("--work").arg(plans);
                command.args(["--steps", &arguments.steps.to_string(), "--callers", &numbers(&arguments.callers)]);
                figures(command)
            }
        }
    }
}

fn own(arguments: &BenchSpeechArguments, model: &Path, plans: &Path, precision: &str) -> Result<Command, CliError> {
    let program =
        std::env::current_exe().map_err(|_| CliError::new("internal", "this program cannot be started once more"))?;
    let mut command = Command::new(program);
    command.args(["bench", "speech-once", "--model"]).arg(model).arg("--plans").arg(plans.join("samovar"));
    command.args(["--steps", &arguments.steps.to_string(), "--callers", &numbers(&arguments.callers)]);
    command.args(["--engine", arguments.choices.engine.word(), "--precision", precision]);
    command.args((!arguments.no_calls).then_some("--calls"));
    Ok(command)
}

fn numbers(numbers: &[usize]) -> String {
    numbers.iter().map(usize::to_string).collect::<Vec<_>>().join(",")
}

/// Runs a process to its end; its figures are the last line that it prints, or all of it.
fn figures(mut command: Command) -> Result<Once, CliError> {
    let shown = command.get_program().to_string_lossy().into_owned();
    let failed = |what: String| CliError::new("bench_failed", format!("{shown} {what}"));
    let output = command.stdin(Stdio::null()).stderr(Stdio::piped()).output();
    let output = output.map_err(|error| failed(format!("cannot be started: {error}")))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let last: Vec<&str> = said.trim().lines().rev().take(3).collect();
        return Err(failed(format!("failed: {}", last.join(" / "))));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let last = text.trim().lines().last().unwrap_or_default();
    let read = serde_json::from_str(text.trim()).or_else(|_| serde_json::from_str(last));
    read.map_err(|_| failed("told no figures".to_owned()))
}
