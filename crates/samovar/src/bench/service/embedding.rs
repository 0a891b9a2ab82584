//! Sentences a second over HTTP, beside the engine alone and beside what people run today.

use super::arguments::BenchServiceArguments;
use super::contender::{Contender, peak_bytes};
use super::engine_alone::engine_alone;
use super::report::{EmbeddingFigures, EmbeddingRow};
use super::workload::Workload;
use crate::bench::load::{PreparedRequest, text_requests};
use crate::bench::server_process::ServerProcess;
use crate::bench::server_setup::ServerSetup;
use crate::bench::workplace::Workplace;
use crate::failure::CliError;
use crate::stderr;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// Sentences of one request and connections: the rows that are measured of every server.
const WORKLOADS: [(&str, u32, u32); 5] = [
    ("1 sentence, 1 connection", 1, 1),
    ("1 sentence, 8 connections", 1, 8),
    ("1 sentence, 32 connections", 1, 32),
    ("32 sentences, 1 connection", 32, 1),
    ("32 sentences, 4 connections", 32, 4),
];
/// The model's name on Samovar.
const NAME: &str = "embedding";

/// Measures every server; one runs at a time, since they share the cores.
///
/// # Errors
/// A server that does not start.
pub async fn embedding(arguments: &BenchServiceArguments, model: &Path) -> Result<EmbeddingFigures, CliError> {
    let mut figures = EmbeddingFigures::default();
    let duration = Duration::from_secs(arguments.duration);
    for repetition in 1..=arguments.repetitions.max(1) {
        stderr::line(&format!("Samovar, {repetition} of {}", arguments.repetitions));
        samovar(arguments, model, duration, figures.row("Samovar")).await?;
        for name in arguments.python.iter().flat_map(|_| &arguments.contender) {
            stderr::line(&format!("{name}, {repetition} of {}", arguments.repetitions));
            let server = Contender::start(python(arguments, model, name))?;
            measure_all(server.address(), duration, figures.row(&format!("Python, FastAPI + {name}"))).await;
            figures.row(&format!("Python, FastAPI + {name}")).peak_bytes.push(server.peak_bytes());
        }
    }
    figures.engine_alone = engine_alone(arguments, model, duration).await?;
    Ok(figures)
}

async fn samovar(
    arguments: &BenchServiceArguments,
    model: &Path,
    duration: Duration,
    row: &mut EmbeddingRow,
) -> Result<(), CliError> {
    let workplace = Workplace::new("service")?;
    let setup = ServerSetup::new(&workplace.path().join("plans"), arguments.choices);
    let server = ServerProcess::start(&setup.model(NAME, model, ""))?;
    server.wait_until_ready()?;
    measure_all(server.address(), duration, row).await;
    row.peak_bytes.push(server.process_id().map_or(0, peak_bytes));
    Ok(())
}

async fn measure_all(address: SocketAddr, duration: Duration, row: &mut EmbeddingRow) {
    for (name, items, connections) in WORKLOADS {
        let requests: Vec<PreparedRequest> = text_requests(&address.to_string(), NAME, items as usize);
        let measured = Workload::closed(name, requests, connections).measure(address, duration).await;
        row.measured.entry(name).or_default().push(measured);
    }
}

fn python(arguments: &BenchServiceArguments, model: &Path, name: &str) -> Command {
    let python = arguments.python.as_deref().unwrap_or(Path::new("python3"));
    let mut command = Command::new(python);
    command.arg(&arguments.script).arg(model).args(["--engine", name]);
    command
}
