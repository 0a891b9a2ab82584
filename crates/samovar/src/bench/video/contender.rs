//! Who is measured: Samovar, and what people run today, each in a process of its own.

use super::arguments::BenchVideoArguments;
use super::once::Once;
use crate::failure::CliError;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Who is measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Contender {
    /// Samovar on that model.
    Samovar(PathBuf),
    /// A loop in Python, by its engine.
    Python(&'static str),
}

/// The loops in Python: frame by frame, ultralytics, the best that a skilled user writes.
const LOOPS: [&str; 3] = ["onnxruntime", "ultralytics", "openvino"];

impl Contender {
    /// Everybody who is measured.
    pub fn all(arguments: &BenchVideoArguments) -> Vec<Self> {
        let own = std::iter::once(&arguments.model).chain(&arguments.rectangular).cloned().map(Self::Samovar);
        let loops = LOOPS.into_iter().filter(|_| arguments.python.is_some()).map(Self::Python);
        own.chain(loops).collect()
    }

    /// As it is shown.
    pub fn name(&self) -> String {
        match self {
            Self::Samovar(model) => {
                format!("Samovar, {}", model.file_name().unwrap_or(model.as_os_str()).to_string_lossy())
            }
            Self::Python("onnxruntime") => "Python, OpenCV + ONNX Runtime, frame by frame".to_owned(),
            Self::Python("ultralytics") => "Python, ultralytics predict, stream=True".to_owned(),
            Self::Python(_) => "Python, OpenCV + OpenVINO bf16, two requests".to_owned(),
        }
    }

    /// Measures one video once.
    ///
    /// # Errors
    /// Where the process fails: a model, a package that is missing.
    pub fn measure(&self, arguments: &BenchVideoArguments, video: &Path, stages: bool) -> Result<Once, CliError> {
        let extra: &[&str] = if stages { &["--stages"] } else { &[] };
        match (self, &arguments.python) {
            (Self::Samovar(model), _) => own(arguments, model, video, extra),
            (Self::Python(engine), Some(python)) => {
                let mut command = Command::new(python);
                command.arg(&arguments.script).arg(&arguments.model).arg(video).args(["--json", "--engine", engine]);
                if let Some(frames) = arguments.frames_max {
                    command.args(["--frames", &frames.to_string()]);
                }
                figures(command)
            }
            (Self::Python(_), None) => Err(CliError::new("internal", "no Python was given")),
        }
    }
}

/// Samovar in a process of its own.
///
/// # Errors
/// Where it fails.
pub fn own(arguments: &BenchVideoArguments, model: &Path, video: &Path, extra: &[&str]) -> Result<Once, CliError> {
    let program =
        std::env::current_exe().map_err(|_| CliError::new("internal", "this program cannot be started once more"))?;
    let mut command = Command::new(program);
    command.args(["bench", "video-once", "--model"]).arg(model).arg("--video").arg(video).args(extra);
    command.args(["--engine", arguments.choices.engine.word(), "--precision", arguments.choices.precision.word()]);
    if let Some(frames) = arguments.frames_max.filter(|_| !extra.contains(&"--frames-max")) {
        command.args(["--frames-max", &frames.to_string()]);
    }
    figures(command)
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
