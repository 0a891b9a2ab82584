//! `samovar jobs`: recorded media that a running server works through.

use super::client::{Client, path_part};
use super::command::client;
use super::each::each;
use super::jobs_arguments::{DeleteJobsArguments, JobArguments, JobNamesArguments, JobsCommand, JobsListArguments};
use super::jobs_view::{JobView, table};
use super::{jobs_result, jobs_submit, jobs_watch};
use crate::failure::{CliError, Exit};
use crate::{stderr, stdout};
use serde_json::{Value, json};
use std::fmt::Write;
use std::path::Path;
use std::time::{Duration, Instant};

/// Where jobs are.
pub const JOBS: &str = "/v1/jobs";
/// A job that runs ends within a second of being asked to; this is far beyond.
const END_MAX: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Runs the command.
///
/// # Errors
/// What the server says, or that there is none.
pub fn jobs(command: &JobsCommand, config: Option<&Path>) -> Result<Exit, CliError> {
    match command {
        JobsCommand::Submit(arguments) => jobs_submit::submit(arguments, config),
        JobsCommand::List(arguments) => list(arguments, config),
        JobsCommand::Show(arguments) => show(arguments, config),
        JobsCommand::Watch(arguments) => jobs_watch::watch(arguments, config),
        JobsCommand::Result(arguments) => jobs_result::result(arguments, config),
        JobsCommand::Cancel(arguments) => {
            each_job(arguments, config, |client, id| client.post(&format!("{}/cancel", path_of(id)), &Value::Null))
        }
        JobsCommand::Retry(arguments) => {
            each_job(arguments, config, |client, id| client.post(&format!("{}/retry", path_of(id)), &Value::Null))
        }
        JobsCommand::Delete(DeleteJobsArguments { jobs, confirm }) => {
            confirm.deletion(jobs.ids.len(), &format!("{} jobs and their results", jobs.ids.len()))?;
            each_job(jobs, config, delete)
        }
    }
}

/// The address of a job.
pub fn path_of(id: &str) -> String {
    format!("{JOBS}/{}", path_part(id))
}

/// What is shown of a job.
///
/// # Errors
/// An answer that is none of ours.
pub fn view(client: &Client, job: &Value) -> Result<JobView, CliError> {
    serde_json::from_value(job.clone()).map_err(|_| client.not_samovar())
}

fn list(arguments: &JobsListArguments, config: Option<&Path>) -> Result<Exit, CliError> {
    let client = client(&arguments.server, config)?;
    let mut path = format!("{JOBS}?limit={}", arguments.limit);
    // Writing into a string cannot fail.
    if let Some(state) = arguments.state {
        let _ = write!(path, "&state={}", state.name());
    }
    if let Some(before) = &arguments.before {
        let _ = write!(path, "&before={}", path_part(before));
    }
    let answer = client.get(&path)?;
    if arguments.server.json {
        stdout::print_json(&answer)?;
        return Ok(Exit::Ok);
    }
    let jobs = answer["data"].as_array().ok_or_else(|| client.not_samovar())?;
    let jobs = jobs.iter().map(|job| view(&client, job)).collect::<Result<Vec<_>, _>>()?;
    let Some(last) = jobs.last() else {
        stdout::print("there are no such jobs; `samovar jobs submit FILE --model NAME` hands one in\n")?;
        return Ok(Exit::Ok);
    };
    stdout::print(&table(&jobs))?;
    if answer["has_more"] == true {
        stderr::line(&format!("there are more: samovar jobs list --before {}", last.id));
    }
    Ok(Exit::Ok)
}

fn show(arguments: &JobArguments, config: Option<&Path>) -> Result<Exit, CliError> {
    let client = client(&arguments.server, config)?;
    stdout::print_json(&client.get(&path_of(&arguments.id))?)?;
    Ok(Exit::Ok)
}

/// Forgets a job; one that runs has to end first.
fn delete(client: &Client, id: &str) -> Result<Value, CliError> {
    let begun = Instant::now();
    loop {
        let answer = client.delete(&path_of(id))?;
        if answer.is_null() {
            return Ok(json!({ "id": id, "deleted": true }));
        }
        if begun.elapsed() > END_MAX {
            let message = "the job was asked to end and still runs";
            return Err(CliError::new("job_state", message).cure("ask again in a moment"));
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

fn each_job(
    arguments: &JobNamesArguments,
    config: Option<&Path>,
    ask: impl Fn(&Client, &str) -> Result<Value, CliError>,
) -> Result<Exit, CliError> {
    let JobNamesArguments { ids, server } = arguments;
    let client = client(server, config)?;
    each("jobs", ids, server, |id| {
        let answer = ask(&client, id)?;
        Ok((sentence(&client, id, &answer)?, answer))
    })
}

fn sentence(client: &Client, id: &str, answer: &Value) -> Result<String, CliError> {
    if answer["deleted"] == true {
        return Ok(format!("{id}: deleted"));
    }
    Ok(view(client, answer)?.line())
}
