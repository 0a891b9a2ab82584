//! `samovar bench jobs`: how fast jobs are handed in and taken where many wait, and what the disk itself takes for one commit.

mod measure;

use self::measure::{Load, Times, measure};
use super::statistics::percentile;
use super::workplace::Workplace;
use crate::failure::{CliError, Exit};
use crate::stdout;
use clap::Args;
use serde::Serialize;
use std::fmt::Write as _;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

/// What is measured.
#[derive(Debug, Args)]
pub struct BenchJobsArguments {
    /// Jobs that wait already
    #[arg(long, default_value_t = 100_000)]
    jobs: usize,
    /// Clients at the same time
    #[arg(long, default_value_t = 8)]
    clients: usize,
    /// Calls of each kind of each client
    #[arg(long, default_value_t = 500)]
    calls: usize,
    /// Print the figures as JSON
    #[arg(long)]
    json: bool,
}

/// Everything that was measured.
#[derive(Debug, Serialize)]
struct Figures {
    /// What was typed.
    command: String,
    jobs: usize,
    clients: usize,
    /// Handing in the jobs that wait, 64 clients at once.
    fill_per_second: f64,
    /// One write and `fsync` of 4 KiB: no commit can be faster.
    fsync: Figure,
    enqueue: Figure,
    claim: Figure,
    complete: Figure,
    /// Counts, and a page of one owner's jobs.
    read: Figure,
}

/// One kind of call.
#[derive(Debug, Serialize)]
struct Figure {
    calls: usize,
    p50_ms: f64,
    p99_ms: f64,
    max_ms: f64,
}

/// Runs the command.
///
/// # Errors
/// Where the disk or the queue fails.
pub fn jobs(arguments: &BenchJobsArguments) -> Result<Exit, CliError> {
    let workplace = Workplace::new("jobs")?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime =
        runtime.map_err(|error| CliError::new("internal", format!("the system gives no event loop: {error}")))?;
    let load = Load { jobs: arguments.jobs, clients: arguments.clients.max(1), calls: arguments.calls };
    let fsync_ms = fsyncs(&workplace.path().join("fsync"))
        .map_err(|error| CliError::new("io", format!("the disk cannot be written: {error}")))?;
    let times = runtime
        .block_on(measure(&workplace.path().join("jobs.sqlite"), load))
        .map_err(|error| CliError::new(error.kind().code(), error.to_string()))?;
    let figures = Figures::of(load, &times, &fsync_ms);
    if arguments.json {
        stdout::print_json(&figures)?;
    } else {
        stdout::print(&figures.text())?;
    }
    Ok(Exit::Ok)
}

impl Figures {
    fn of(load: Load, times: &Times, fsync_ms: &[f64]) -> Self {
        Self {
            command: std::env::args().collect::<Vec<_>>().join(" "),
            jobs: load.jobs,
            clients: load.clients,
            fill_per_second: times.fill_per_second,
            fsync: Figure::of(fsync_ms),
            enqueue: Figure::of(&times.enqueue_ms),
            claim: Figure::of(&times.claim_ms),
            complete: Figure::of(&times.complete_ms),
            read: Figure::of(&times.read_ms),
        }
    }

    fn text(&self) -> String {
        let mut text = format!(
            "{} jobs wait (handed in at {:.0}/s); {} clients at once\n",
            self.jobs, self.fill_per_second, self.clients
        );
        let calls = [
            ("fsync alone", &self.fsync),
            ("enqueue", &self.enqueue),
            ("claim", &self.claim),
            ("complete", &self.complete),
            ("counts + list", &self.read),
        ];
        for (name, figure) in calls {
            let Figure { calls, p50_ms, p99_ms, max_ms } = figure;
            // Writing to a string cannot fail.
            let _ = writeln!(
                text,
                "{name:<14} {calls:>6} calls  p50 {p50_ms:7.2} ms  p99 {p99_ms:7.2} ms  max {max_ms:7.2} ms"
            );
        }
        text
    }
}

impl Figure {
    fn of(times_ms: &[f64]) -> Self {
        Self {
            calls: times_ms.len(),
            p50_ms: percentile(times_ms, 0.5),
            p99_ms: percentile(times_ms, 0.99),
            max_ms: percentile(times_ms, 1.0),
        }
    }
}

fn fsyncs(path: &Path) -> std::io::Result<Vec<f64>> {
    let mut file = File::create(path)?;
    let mut times = Vec::new();
    for _ in 0..FSYNCS {
        let began = Instant::now();
        file.write_all(&[0x5a; 4096])?;
        file.sync_data()?;
        times.push(began.elapsed().as_secs_f64() * 1e3);
    }
    Ok(times)
}

/// Commits of the bare disk.
const FSYNCS: usize = 500;
