//! `samovar bench start`: from a server's start to its readiness, without plans and with plans that an earlier process measured.

use super::arguments::BenchStartArguments;
use super::server_process::ServerProcess;
use super::server_setup::ServerSetup;
use super::statistics::median;
use super::tune::tune;
use super::workplace::Workplace;
use crate::failure::{CliError, Exit};
use crate::stdout;
use serde::Serialize;

/// Everything that was measured.
#[derive(Debug, Serialize)]
struct Figures {
    /// What was typed.
    command: String,
    models: usize,
    repetitions: usize,
    /// Medians, from the start of the process to the first 200 of its readiness.
    without_plans_ms: f64,
    with_plans_ms: f64,
    /// The second as a share of the first.
    ratio: f64,
    /// Measuring the plans, once.
    tune_s: f64,
    resident_without_plans_bytes: u64,
    resident_with_plans_bytes: u64,
}

/// Readiness of several starts.
struct Starts {
    ready_ms: f64,
    resident_bytes: u64,
}

/// Runs the command.
///
/// # Errors
/// Where the server does not start or the plans cannot be measured.
pub fn start(arguments: &BenchStartArguments) -> Result<Exit, CliError> {
    let workplace = Workplace::new("start")?;
    let plans = workplace.emptied("plans")?;
    let setup = ServerSetup::new(&plans, arguments.choices).files(&arguments.model);
    let without = starts(arguments.repetitions, &setup, || workplace.emptied("plans").map(drop))?;
    let tuning = std::time::Instant::now();
    tune(&setup, arguments.budget)?;
    let tune_s = tuning.elapsed().as_secs_f64();
    // The first start with a plan writes what the engine compiled; it is an earlier process, too.
    starts(1, &setup, || Ok(()))?;
    let with = starts(arguments.repetitions, &setup, || Ok(()))?;
    let figures = Figures {
        command: std::env::args().collect::<Vec<_>>().join(" "),
        models: arguments.model.len(),
        repetitions: arguments.repetitions,
        without_plans_ms: without.ready_ms,
        with_plans_ms: with.ready_ms,
        ratio: with.ready_ms / without.ready_ms.max(1e-9),
        tune_s,
        resident_without_plans_bytes: without.resident_bytes,
        resident_with_plans_bytes: with.resident_bytes,
    };
    if arguments.json {
        stdout::print_json(&figures)?;
    } else {
        stdout::print(&figures.text())?;
    }
    Ok(Exit::Ok)
}

fn starts(count: usize, setup: &ServerSetup, before: impl Fn() -> Result<(), CliError>) -> Result<Starts, CliError> {
    let (mut ready_ms, mut resident) = (Vec::new(), Vec::new());
    for _ in 0..count.max(1) {
        before()?;
        let server = ServerProcess::start(setup)?;
        ready_ms.push(server.wait_until_ready()?.as_secs_f64() * 1e3);
        resident.push(server.resident_bytes().unwrap_or(0) as f64);
    }
    Ok(Starts { ready_ms: median(&ready_ms), resident_bytes: median(&resident) as u64 })
}

impl Figures {
    fn text(&self) -> String {
        let Self { models, repetitions, without_plans_ms, with_plans_ms, ratio, tune_s, command, .. } = self;
        let mib = |bytes: u64| bytes as f64 / 1_048_576.0;
        format!(
            "start to ready, {models} models; medians of {repetitions}\n\
             without plans   {without_plans_ms:8.0} ms  {:6.0} MiB\n\
             with plans      {with_plans_ms:8.0} ms  {:6.0} MiB   {ratio:.2} of it\n\
             measuring the plans took {tune_s:.0} s, once\n$ {command}\n",
            mib(self.resident_without_plans_bytes),
            mib(self.resident_with_plans_bytes),
        )
    }
}
