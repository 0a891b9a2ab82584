//! `samovar streams` and `samovar ps`: what a running server does, once or again and again.

use super::client::Client;
use super::command::client;
use super::streams_arguments::StreamsArguments;
use super::streams_view::StreamList;
use crate::failure::{CliError, Exit};
use crate::redraw::Redraw;
use crate::stdout;
use comfy_table::{Table, presets};
use serde_json::{Value, json};
use std::io::IsTerminal;
use std::path::Path;
use std::time::Duration;

/// From one look to the next.
const EVERY: Duration = Duration::from_secs(1);

/// Tells the open streams.
///
/// # Errors
/// That there is no server, or what it says.
pub fn streams(arguments: &StreamsArguments, config: Option<&Path>) -> Result<Exit, CliError> {
    let client = client(&arguments.server, config)?;
    if arguments.server.json {
        stdout::print_json(&client.get(STREAMS)?)?;
        return Ok(Exit::Ok);
    }
    again(arguments.watch, || stream_text(&client))
}

/// Tells models and streams.
///
/// # Errors
/// As [`streams`].
pub fn ps(arguments: &StreamsArguments, config: Option<&Path>) -> Result<Exit, CliError> {
    let client = client(&arguments.server, config)?;
    if arguments.server.json {
        let models: Vec<Value> = client.models()?.into_iter().map(|told| told.json).collect();
        stdout::print_json(&json!({ "models": models, "streams": client.get(STREAMS)?["data"] }))?;
        return Ok(Exit::Ok);
    }
    again(arguments.watch, || Ok(format!("{}\n{}", model_text(&client)?, stream_text(&client)?)))
}

const STREAMS: &str = "/v1/streams";

/// Prints `text` once, or every second in place of what it was before; Ctrl-C ends the process, which holds nothing.
fn again(watch: bool, text: impl Fn() -> Result<String, CliError>) -> Result<Exit, CliError> {
    let mut redraw = std::io::stdout().is_terminal().then(Redraw::default);
    loop {
        let text = text()?;
        if !watch {
            stdout::print(&text)?;
            return Ok(Exit::Ok);
        }
        stdout::print(&redraw.as_mut().map_or_else(|| format!("{text}\n"), |redraw| redraw.over(&text)))?;
        std::thread::sleep(EVERY);
    }
}

fn stream_text(client: &Client) -> Result<String, CliError> {
    let list: StreamList = serde_json::from_value(client.get(STREAMS)?).map_err(|_| client.not_samovar())?;
    Ok(list.text())
}

fn model_text(client: &Client) -> Result<String, CliError> {
    let models = client.models()?;
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["model", "state", "engine", "precision", "memory", "plan"]);
    for told in &models {
        table.add_row(told.model.row());
    }
    Ok(format!("{}\n", table.trim_fmt()))
}
