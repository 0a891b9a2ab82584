//! `samovar jobs`: recorded media that a running server works through.

use super::client::{Client, path_part};
use super::command::client;
use super::jobs_arguments::{JobArguments, JobNamesArguments, JobsCommand, JobsListArguments};
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
            each(arguments, config, |client, id| client.post(&format!("{}/cancel", path_of(id)), &Value::Null))
        }
        JobsCommand::Retry(arguments) => {
            each(arguments, config, |client, id| client.post(&format!("{}/retry", path_of(id)), &Value::Null))
        }
        JobsCommand::Delete(arguments) => each(arguments, config, delete),
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

/// Does something with each of the jobs and tells what became of it; one that fails does not stop the others.
///
/// # Errors
/// The failure of the only one, or that there is no server.
fn each(
    arguments: &JobNamesArguments,
    config: Option<&Path>,
    ask: impl Fn(&Client, &str) -> Result<Value, CliError>,
) -> Result<Exit, CliError> {
    let JobNamesArguments { ids, server } = arguments;
    let client = client(server, config)?;
    let mut done = Vec::new();
    for id in ids {
        match ask(&client, id) {
            Ok(answer) => {
                if !server.json {
                    stdout::print(&format!("{}\n", sentence(&client, id, &answer)?))?;
                }
                done.push(answer);
            }
            Err(error) if ids.len() == 1 || error.code.starts_with("server_") => return Err(error),
            Err(error) => stderr::line(&format!("{id}: {error}")),
        }
    }
    if server.json {
        stdout::print_json(&json!({ "jobs": done }))?;
    }
    Ok(match done.len() {
        0 => Exit::Failure,
        some if some < ids.len() => Exit::Partial,
        _ => Exit::Ok,
    })
}

fn sentence(client: &Client, id: &str, answer: &Value) -> Result<String, CliError> {
    if answer["deleted"] == true {
        return Ok(format!("{id}: deleted"));
    }
    Ok(view(client, answer)?.line())
}
