//! Runs the worker until it is told to end, or until there is nothing left to do.

use super::arguments::WorkerArguments;
use crate::config::{Config, ConfigFile};
use crate::failure::{CliError, Exit};
use crate::jobs::{JobHouse, JobLog, VideoRunner, jobs_folder, worker_options};
use crate::signals::EndSignals;
use crate::{here, model_choice, stderr};
use samovar_jobs::{JobQueue, JobTime, Worker, WorkerOptions};
use samovar_runtime::{ModelSpec, Registry};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often a worker that is to end looks whether anything is left.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Works on jobs.
///
/// # Errors
/// What keeps it from beginning: the configuration, a model's file, the queue.
pub fn run(arguments: &WorkerArguments, config: Option<&Path>) -> Result<Exit, CliError> {
    let file = ConfigFile::find(config)?;
    let registry = Arc::new(here::registry(&file.config, specs(arguments, &file.config)?, None)?);
    let runtime = tokio::runtime::Runtime::new()
        .map_err(|error| CliError::new("internal", format!("the system gives no event loop: {error}")))?;
    let worked = runtime.block_on(work(arguments, &file.config, &registry));
    registry.close();
    // A report that is half written must not hold the process: its job was given back.
    runtime.shutdown_timeout(Duration::from_secs(1));
    worked
}

async fn work(arguments: &WorkerArguments, config: &Config, registry: &Arc<Registry>) -> Result<Exit, CliError> {
    let mut signals = EndSignals::listen()
        .map_err(|error| CliError::new("internal", format!("the system tells no signals: {error}")))?;
    let house = JobHouse::open(config)?;
    let log = if arguments.json { JobLog::Program } else { JobLog::Person };
    let runner = Arc::new(VideoRunner::new(config, Arc::clone(registry), &house.work, log));
    let options = options(arguments, config);
    if !arguments.json {
        let folder = jobs_folder(config);
        stderr::line(&format!("works on {} job(s) at once from {}", options.jobs_at_once, folder.display()));
    }
    let stop = CancellationToken::new();
    let working = Worker::new(Arc::clone(&house.queue), runner, options).run(stop.clone());
    tokio::pin!(working);
    let why = tokio::select! {
        () = &mut working => return Err(CliError::new("internal", "the worker ended by itself; its log says why")),
        signal = signals.next() => Some(signal),
        drained = drained(&*house.queue), if arguments.drain => {
            drained?;
            None
        }
    };
    stop.cancel();
    if let Some(signal) = why {
        stderr::line(&format!("{signal}: giving back what runs; a second signal ends at once"));
    }
    tokio::select! {
        () = working => {}
        signal = signals.next() => stderr::line(&format!("{signal}: cut off")),
    }
    Ok(Exit::Ok)
}

/// Waits until no job waits or runs.
///
/// # Errors
/// A queue that cannot be read.
async fn drained(queue: &dyn JobQueue) -> Result<(), CliError> {
    loop {
        let counts = queue
            .counts(JobTime::now())
            .await
            .map_err(|error| CliError::new(error.kind().code(), format!("the queue cannot be read: {error}")))?;
        if counts.queued + counts.running == 0 {
            return Ok(());
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// The models of the configuration, then those of the command line. None is loaded before a job needs it.
fn specs(arguments: &WorkerArguments, config: &Config) -> Result<Vec<ModelSpec>, CliError> {
    let configured = config.models.iter().map(|(name, section)| Ok((name.clone(), section.clone())));
    let typed = arguments.model.iter().map(|text| model_choice::named_file(text, &arguments.choices));
    let named: Vec<_> = configured.chain(typed).collect::<Result<_, CliError>>()?;
    if named.is_empty() {
        return Err(CliError::new("no_model", "there is no model to work with")
            .cure("samovar worker --config FILE, with the server's configuration")
            .exit(Exit::Usage));
    }
    named.iter().map(model_choice::spec).collect()
}

fn options(arguments: &WorkerArguments, config: &Config) -> WorkerOptions {
    let configured = worker_options(config);
    let jobs_at_once = arguments.jobs.map_or(configured.jobs_at_once, usize::from);
    WorkerOptions { jobs_at_once, ..configured }
}
