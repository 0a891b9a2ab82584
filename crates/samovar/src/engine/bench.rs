//! `samovar bench engine`: load time, memory of one runner against four, one run, and throughput, for every engine and precision
//! here.
//!
//! Each pair is measured in a fresh process of this binary, so that no figure holds what another engine left behind.

use super::{bench_child, bench_table};
use crate::failure::{CliError, Exit};
use crate::stdout;
use clap::Args;
use samovar_engine_api::{Dim, Engine, ModelFiles, Port, Precision};
use samovar_engines::{Locations, present};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// `samovar bench engine`.
#[derive(Clone, Debug, Args)]
pub struct BenchEngineArguments {
    /// The model: an ONNX file
    #[arg(long, short, value_name = "FILE")]
    pub model: PathBuf,
    /// Only these engines [default: all that are here]
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub engines: Vec<String>,
    /// Runs at the same time in the throughput figure [default: one per core]
    #[arg(long, value_name = "N")]
    pub slots: Option<usize>,
    /// The size that dynamic axes other than the batch get
    #[arg(long, value_name = "SIZE", default_value_t = 64)]
    pub axis: usize,
    /// Leave dynamic axes dynamic, instead of fixing the shapes at load
    #[arg(long)]
    pub dynamic: bool,
    /// Seconds of the throughput measurement
    #[arg(long, value_name = "N", default_value_t = 4.0)]
    pub seconds: f64,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Measure this one here and print it: `openvino/bf16`.
    #[arg(long, hide = true)]
    pub child: Option<String>,
}

/// The figures of one engine in one precision.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Figures {
    /// `rten`, `openvino`, `onnxruntime`.
    pub engine: String,
    /// The library's version.
    pub version: String,
    /// `f32`, `bf16`.
    pub precision: String,
    /// Runs at the same time in the throughput figure, one thread each.
    pub slots: usize,
    /// Milliseconds from file to loaded model.
    pub load_ms: f64,
    /// Milliseconds of the first run.
    pub first_run_ms: f64,
    /// Median milliseconds of a run when nothing else runs, one thread.
    pub run_ms_p50: f64,
    /// Runs per second of all slots together.
    pub runs_per_second: f64,
    /// Resident bytes beyond the process without the model: one runner that has run.
    pub memory_1_runner_bytes: u64,
    /// The same with four.
    pub memory_4_runners_bytes: u64,
    /// Bytes of the model's files.
    pub file_bytes: u64,
}

/// What could not be measured, and why.
#[derive(Clone, Debug, Serialize)]
pub struct Refused {
    /// The engine.
    pub engine: String,
    /// The precision.
    pub precision: String,
    /// Why.
    pub reason: String,
}

/// Runs the command.
///
/// # Errors
/// Where the model cannot be read or no engine runs it.
pub fn bench(arguments: &BenchEngineArguments) -> Result<Exit, CliError> {
    if let Some(pair) = &arguments.child {
        return bench_child::run(arguments, pair);
    }
    let (mut figures, mut refused) = (Vec::new(), Vec::new());
    for engine in engines(arguments) {
        for precision in engine.info().precisions {
            match measure(arguments, engine.as_ref(), precision) {
                Ok(measured) => figures.push(measured),
                Err(reason) => refused.push(Refused {
                    engine: engine.info().name.to_owned(),
                    precision: precision.to_string(),
                    reason,
                }),
            }
        }
    }
    if arguments.json {
        stdout::print_json(&serde_json::json!({ "figures": figures, "refused": refused }))?;
    } else {
        stdout::print(&bench_table::text(&figures, &refused))?;
    }
    Ok(if figures.is_empty() { Exit::Failure } else { Exit::Ok })
}

/// The engines asked for.
pub fn engines(arguments: &BenchEngineArguments) -> Vec<std::sync::Arc<dyn Engine>> {
    let mut engines = present(&Locations::from_environment());
    let wanted = &arguments.engines;
    engines.retain(|engine| wanted.is_empty() || wanted.iter().any(|name| name == engine.info().name));
    engines
}

/// The model's files.
pub fn files(arguments: &BenchEngineArguments) -> ModelFiles {
    ModelFiles { path: arguments.model.clone() }
}

/// The shape that is measured: batch 1, other dynamic axes as asked.
pub fn shape(port: &Port, axis: usize) -> Vec<usize> {
    let size = |(index, dim): (usize, &Dim)| dim.fixed().unwrap_or(if index == 0 { 1 } else { axis });
    port.dims.iter().enumerate().map(size).collect()
}

fn measure(arguments: &BenchEngineArguments, engine: &dyn Engine, precision: Precision) -> Result<Figures, String> {
    let program = std::env::current_exe().map_err(|error| format!("this program cannot be found: {error}"))?;
    let mut command = Command::new(program);
    command
        .args(["bench", "engine", "--child", &format!("{}/{precision}", engine.info().name), "--model"])
        .arg(&arguments.model);
    command.args(["--axis", &arguments.axis.to_string(), "--seconds", &arguments.seconds.to_string()]);
    if let Some(slots) = arguments.slots {
        command.args(["--slots", &slots.to_string()]);
    }
    if arguments.dynamic {
        command.arg("--dynamic");
    }
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("the measuring process cannot be started: {error}"))?;
    if !output.status.success() {
        let told = String::from_utf8_lossy(&output.stderr);
        return Err(told.lines().last().unwrap_or("the measuring process ended without a word").to_owned());
    }
    serde_json::from_slice(&output.stdout).map_err(|error| format!("the measuring process gave no figures: {error}"))
}
