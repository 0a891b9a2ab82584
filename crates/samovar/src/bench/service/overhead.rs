//! What the server costs around a model that gives back what it got, beside a bare echo of the same bytes.

use super::contender::Contender;
use super::report::{Overhead, OverheadRow};
use super::workload::Workload;
use crate::bench::load::{PreparedRequest, tensors};
use crate::bench::server_process::ServerProcess;
use crate::bench::server_setup::ServerSetup;
use crate::bench::workplace::Workplace;
use crate::failure::CliError;
use serde_json::json;
use std::process::Command;
use std::time::Duration;

/// `y = Identity(x)`, x of any number of f32: made by `tools/reference/identity.py`.
const IDENTITY: &[u8] = include_bytes!("identity.onnx");
/// 64 bytes, and one picture of 640 × 640 in f32.
const SMALL: usize = 16;
const LARGE: usize = 3 * 640 * 640;

/// Measures both servers in turn.
///
/// # Errors
/// A server that does not start.
pub async fn overhead(repetitions: usize, duration: Duration) -> Result<Overhead, CliError> {
    let workplace = Workplace::new("service")?;
    let model = workplace.path().join("identity.onnx");
    std::fs::write(&model, IDENTITY)
        .map_err(|error| CliError::new("io", format!("the model cannot be written: {error}")))?;
    let setup = ServerSetup::new(&workplace.path().join("plans"), crate::arguments::ModelChoices::default());
    let server = ServerProcess::start(&setup.model("identity", &model, "family = \"tensor\""))?;
    server.wait_until_ready()?;
    let echo = Contender::start(echo_command()?)?;
    let mut rows = rows()?;
    for _ in 0..repetitions.max(1) {
        for row in &mut rows {
            let before = engine_runs(&server)?;
            row.ours.push(row.workload.measure(server.address(), duration).await);
            row.engine_ms.push(engine_runs(&server)?.since_ms(before));
            row.echo.push(row.workload.measure(echo.address(), duration).await);
        }
    }
    Ok(Overhead::new(rows, server.resident_bytes()))
}

/// Runs of the model so far, as the server tells them.
#[derive(Clone, Copy)]
struct EngineRuns {
    count: f64,
    nanoseconds: f64,
}

impl EngineRuns {
    /// Milliseconds of one run on the average since then.
    fn since_ms(self, before: Self) -> f64 {
        (self.nanoseconds - before.nanoseconds) / (self.count - before.count).max(1.0) / 1e6
    }
}

fn engine_runs(server: &ServerProcess) -> Result<EngineRuns, CliError> {
    let told = server.get("/v2/models/identity/stats")?;
    let infer = &told["model_stats"][0]["inference_stats"]["compute_infer"];
    let number = |name: &str| infer[name].as_f64().unwrap_or(0.0);
    Ok(EngineRuns { count: number("count"), nanoseconds: number("ns") })
}

fn rows() -> Result<Vec<OverheadRow>, CliError> {
    let row = |name, numbers: usize, connections| -> Result<OverheadRow, CliError> {
        let input = json!({"name": "x", "datatype": "FP32", "shape": [1, numbers]});
        let request: PreparedRequest = tensors("localhost", "identity", &[input], &[])?;
        Ok(OverheadRow::new(Workload::closed(name, vec![request], connections)))
    };
    Ok(vec![
        row("64 B, 1 connection", SMALL, 1)?,
        row("64 B, 8 connections", SMALL, 8)?,
        row("4.9 MB, 1 connection", LARGE, 1)?,
        row("4.9 MB, 8 connections", LARGE, 8)?,
    ])
}

fn echo_command() -> Result<Command, CliError> {
    let program =
        std::env::current_exe().map_err(|_| CliError::new("internal", "this program cannot be started once more"))?;
    let mut command = Command::new(program);
    command.args(["bench", "echo"]);
    Ok(command)
}
