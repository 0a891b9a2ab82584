//! `samovar models pull`: fetches, and says what to type next.

use super::arguments::PullArguments;
use super::plan::Plan;
use super::report::Report;
use crate::failure::{CliError, Exit};
use crate::{signals, starter, stderr, stdout};
use samovar_hub::{Cancel, Event, Hub, HubSettings};
use serde_json::json;
use std::path::{Path, PathBuf};
use tokio::runtime::{Builder, Runtime};

/// Runs the command.
///
/// # Errors
/// The first name that cannot be had. What had arrived of it is kept.
pub fn pull(arguments: &PullArguments) -> Result<Exit, CliError> {
    let (shipped, names): (Vec<_>, Vec<_>) = arguments.names.iter().partition(|name| starter::model(name).is_some());
    shipped.iter().for_each(|name| stderr::line(&format!("{name} ships with Samovar; there is nothing to pull")));
    let plans = names.iter().map(|name| Plan::new(name, arguments)).collect::<Result<Vec<_>, _>>()?;
    let hub = Hub::new(&HubSettings::from_environment()?)?;
    let _signals = cancel_on_signal(hub.cancel())?;
    let mut report = Report::new(arguments.json);
    for plan in &plans {
        let result =
            if arguments.list { tell_files(&hub, plan, arguments.json) } else { pull_one(&hub, plan, &mut report) };
        match result {
            Ok(()) => {}
            Err(error) if error.exit_code() == Exit::Interrupted => {
                report.end();
                stderr::line("stopped; what has arrived is kept, and the same command goes on from there");
                return Ok(Exit::Interrupted);
            }
            Err(error) => {
                report.failed(&plan.name, &error);
                return Err(error);
            }
        }
    }
    Ok(Exit::Ok)
}

/// Listens on a thread of its own, since the download blocks this one.
fn cancel_on_signal(cancel: Cancel) -> Result<Runtime, CliError> {
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("signals")
        .enable_all()
        .build()
        .map_err(|error| CliError::new("internal", format!("the runtime cannot be started: {error}")))?;
    let guard = runtime.enter();
    let token = signals::cancel_on_signal()?;
    runtime.spawn(async move {
        token.cancelled().await;
        cancel.stop();
    });
    drop(guard);
    Ok(runtime)
}

fn pull_one(hub: &Hub, plan: &Plan, report: &mut Report) -> Result<(), CliError> {
    let mut paths = Vec::new();
    for wanted in plan.files(hub, &mut |_: Event<'_>| {})? {
        let pulled = hub.pull(&wanted, &mut |event| report.event(&wanted, event))?;
        report.pulled(&wanted, &pulled);
        paths.push((wanted.file.to_string(), pulled.path));
    }
    let path = main_path(plan, &paths);
    if report.is_json() {
        let files: Vec<String> = paths.iter().map(|(_, path)| path.display().to_string()).collect();
        return stdout::print(&format!(
            "{}\n",
            json!({ "event": "model", "name": plan.name, "path": path.display().to_string(), "files": files })
        ));
    }
    stdout::print(&advice(plan, &path))
}

/// What a command gets of it.
fn main_path(plan: &Plan, paths: &[(String, PathBuf)]) -> PathBuf {
    let model = plan.entry.and_then(|entry| entry.model.as_deref());
    let main = paths.iter().find(|(file, _)| Some(file.as_str()) == model);
    let first = || paths.first().map(|(_, path)| path.clone()).unwrap_or_default();
    match (main, plan.entry) {
        (Some((_, path)), _) => path.clone(),
        // The files belong together: the folder that holds them, however deep the first one lies.
        (None, Some(_)) => {
            let depth = paths.first().map_or(0, |(file, _)| file.split('/').count());
            first().ancestors().nth(depth).map_or_else(first, Path::to_path_buf)
        }
        (None, None) => first(),
    }
}

/// The path, and how to use it where Samovar can.
fn advice(plan: &Plan, path: &Path) -> String {
    let (name, path) = (&plan.name, path.display());
    match plan.entry {
        Some(entry) if detects(&entry.family) => format!(
            "{path}\n\nTry it:\n  samovar run detect PICTURE --model {name}\nor in samovar.toml:\n  [models.{name}]\n  path = \"{name}\"\n"
        ),
        Some(entry) if entry.family == "segmentation" => format!(
            "{path}\n\nTry it:\n  samovar run segment PICTURE --model {name}\nor in samovar.toml:\n  [models.{name}]\n  path = \"{name}\"\n"
        ),
        Some(entry) => format!(
            "{path}\n\nSamovar does not run the family `{}` yet; the file is there for other tools.\n",
            entry.family
        ),
        None => format!("{path}\n\nSee whether Samovar knows its layout:\n  samovar models show {path}\n"),
    }
}

/// Whether `samovar run detect` takes models of the family.
fn detects(family: &str) -> bool {
    matches!(family, "yolo" | "yolox" | "yolo-pose")
}

fn tell_files(hub: &Hub, plan: &Plan, json: bool) -> Result<(), CliError> {
    let files = hub.files(&plan.repo, &plan.revision, &mut |_| {})?;
    if json {
        let (repo, revision) = (plan.repo.as_str(), plan.revision.as_str());
        return stdout::print(&format!(
            "{}\n",
            json!({ "event": "files", "repo": repo, "revision": revision, "files": files })
        ));
    }
    stdout::print(&files.iter().map(|file| format!("{file}\n")).collect::<String>())
}
