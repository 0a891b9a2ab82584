//! Starts the server, asks it with every client at once, and adds up what it holds.

use super::alone::resident_alone;
use super::arguments::BenchShareArguments;
use super::client::{Question, ask};
use super::report::{Figures, ModelFigures};
use crate::bench::server_process::ServerProcess;
use crate::config::ConfigFile;
use crate::failure::{CliError, Exit};
use crate::{stderr, stdout};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Runs the command.
///
/// # Errors
/// A configuration or a model that does not serve, or a request that is refused.
pub fn share(arguments: &BenchShareArguments) -> Result<Exit, CliError> {
    let file = ConfigFile::find(Some(&arguments.served))?;
    let server = ServerProcess::of_config(&arguments.served)?;
    let ready = server.wait_until_ready()?;
    stderr::line(&format!("ready after {:.1} s", ready.as_secs_f64()));
    let resident_when_ready = server.resident_bytes().unwrap_or(0);
    let questions = questions(&server, arguments.picture.as_deref())?;
    let times = event_loop()?.block_on(clients(arguments, &server, &questions))?;
    let models = questions.iter().zip(times).map(|(question, times)| {
        let section = file.config.models.get(&question.model);
        let bytes = section.map_or(0, |section| file_bytes(&section.path));
        ModelFigures::new(question, bytes, &times)
    });
    let mut figures = Figures {
        command: std::env::args().collect::<Vec<_>>().join(" "),
        ready_s: ready.as_secs_f64(),
        clients: arguments.clients,
        resident_when_ready_bytes: resident_when_ready,
        resident_bytes: server.resident_bytes().unwrap_or(0),
        mapped_bytes: server.mapped_bytes().unwrap_or(0),
        models: models.collect(),
    };
    drop(server);
    for model in figures.models.iter_mut().filter(|_| arguments.alone) {
        model.alone_bytes = Some(resident_alone(&arguments.served, &model.name)?);
    }
    if arguments.json {
        stdout::print_json(&figures)?;
    } else {
        stdout::print(&figures.text())?;
    }
    Ok(Exit::Ok)
}

fn event_loop() -> Result<tokio::runtime::Runtime, CliError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| CliError::new("internal", format!("the system gives no event loop: {error}")))
}

fn questions(server: &ServerProcess, picture: Option<&Path>) -> Result<Vec<Question>, CliError> {
    let listed = server.get("/v1/models")?;
    let models = listed["data"].as_array().map(Vec::as_slice).unwrap_or_default();
    let host = server.address().to_string();
    let question = |model: &Value| {
        let name = model["id"].as_str().unwrap_or_default();
        Question::of(&host, model, &server.get(&format!("/v2/models/{name}"))?, picture)
    };
    // A pair is asked by its towers, which are listed as well.
    models.iter().filter(|model| model["pair"].is_null()).map(question).collect()
}

/// For each model the times of all clients, each client's in their order.
async fn clients(
    arguments: &BenchShareArguments,
    server: &ServerProcess,
    questions: &[Question],
) -> Result<Vec<Vec<Vec<f64>>>, CliError> {
    let asked = (0..arguments.clients).map(|_| ask(server.address(), questions, arguments.requests));
    let mut of_models = vec![Vec::new(); questions.len()];
    for client in futures_util::future::join_all(asked).await {
        for (of_model, times) in of_models.iter_mut().zip(client?) {
            of_model.push(times);
        }
    }
    Ok(of_models)
}

/// What a model's file takes on the disk, its weights beside it included.
fn file_bytes(path: &Path) -> u64 {
    let size = |path: &Path| std::fs::metadata(path).map_or(0, |data| data.len());
    let beside = [".data", "_data"].map(|suffix| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    });
    size(path) + beside.iter().map(|path| size(path)).sum::<u64>()
}
