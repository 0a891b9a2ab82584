//! `samovar sources`: the cameras, addresses and files that a running server opens itself.

use super::ServerArguments;
use super::client::{Client, path_part};
use super::command::client;
use super::streams_arguments::{AddSourceArguments, SourceNameArguments, SourcesCommand};
use crate::failure::{CliError, Exit};
use crate::stdout;
use comfy_table::{Table, presets};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::path::Path;

/// What is shown of a source.
#[derive(Debug, Deserialize)]
struct SourceView {
    name: String,
    address: String,
    pipeline: String,
    state: String,
    reason: Option<String>,
    #[serde(default)]
    configured: bool,
    stream: Option<String>,
}

const SOURCES: &str = "/v1/sources";

/// Runs the command.
///
/// # Errors
/// What the server says, or that there is none.
pub fn sources(command: &SourcesCommand, config: Option<&Path>) -> Result<Exit, CliError> {
    match command {
        SourcesCommand::List(arguments) => list(&arguments.server, config)?,
        SourcesCommand::Show(arguments) => show(arguments, config)?,
        SourcesCommand::Add(arguments) => add(arguments, config)?,
        SourcesCommand::Remove(arguments) => remove(arguments, config)?,
    }
    Ok(Exit::Ok)
}

fn list(server: &ServerArguments, config: Option<&Path>) -> Result<(), CliError> {
    let client = client(server, config)?;
    let answer = client.get(SOURCES)?;
    if server.json {
        return stdout::print_json(&answer);
    }
    let sources = answer["data"].as_array().cloned().ok_or_else(|| client.not_samovar())?;
    if sources.is_empty() {
        return stdout::print(
            "the server opens no source; `samovar sources add`, or `[sources.NAME]` in its configuration\n",
        );
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["source", "pipeline", "state", "from", "stream", "address"]);
    for source in sources {
        table.add_row(view(&client, source)?.row());
    }
    stdout::print(&format!("{}\n", table.trim_fmt()))
}

fn show(arguments: &SourceNameArguments, config: Option<&Path>) -> Result<(), CliError> {
    let client = client(&arguments.server, config)?;
    stdout::print_json(&client.get(&path_of(&arguments.name))?)
}

fn add(arguments: &AddSourceArguments, config: Option<&Path>) -> Result<(), CliError> {
    let client = client(&arguments.server, config)?;
    let answer = client.post(SOURCES, &body(arguments))?;
    if arguments.server.json {
        return stdout::print_json(&answer);
    }
    let SourceView { name, address, .. } = view(&client, answer)?;
    stdout::print(&format!("{name}: added, {address}; `samovar sources list` tells how it is doing\n"))
}

fn remove(arguments: &SourceNameArguments, config: Option<&Path>) -> Result<(), CliError> {
    let client = client(&arguments.server, config)?;
    let answer = client.delete(&path_of(&arguments.name))?;
    if arguments.server.json {
        return stdout::print_json(&answer);
    }
    stdout::print(&format!("{}: removed\n", arguments.name))
}

fn path_of(name: &str) -> String {
    format!("{SOURCES}/{}", path_part(name))
}

/// What was typed; the rest is the server's.
fn body(arguments: &AddSourceArguments) -> Value {
    let mut body = Map::from_iter([
        ("name".to_owned(), json!(arguments.name)),
        ("address".to_owned(), json!(arguments.address)),
        ("pipeline".to_owned(), json!(arguments.pipeline)),
    ]);
    let typed = [
        ("model", arguments.model.as_ref().map(|model| json!(model))),
        ("fps_max", arguments.fps_max.map(|fps| json!(fps))),
        ("weight", arguments.weight.map(|weight| json!(weight))),
        ("keyframes_only", arguments.keyframes_only.then_some(json!(true))),
        ("motion_gate", arguments.motion_gate.then_some(json!(true))),
        ("sinks", (!arguments.sink.is_empty()).then_some(json!(arguments.sink))),
        ("evidence", arguments.evidence.then_some(json!(true))),
    ];
    body.extend(typed.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))));
    Value::Object(body)
}

fn view(client: &Client, source: Value) -> Result<SourceView, CliError> {
    serde_json::from_value(source).map_err(|_| client.not_samovar())
}

impl SourceView {
    fn state(&self) -> String {
        self.reason.as_ref().map_or_else(|| self.state.clone(), |reason| format!("{}: {reason}", self.state))
    }

    fn row(&self) -> [String; 6] {
        let from = if self.configured { "configuration" } else { "added" };
        let stream = self.stream.clone().unwrap_or_else(|| "-".to_owned());
        [self.name.clone(), self.pipeline.clone(), self.state(), from.to_owned(), stream, self.address.clone()]
    }
}
