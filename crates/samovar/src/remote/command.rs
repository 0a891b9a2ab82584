//! Asks the server for one thing after the other and tells what became of each.

use super::address::server_url;
use super::arguments::{
    ClearArguments, NamesArguments, ReloadArguments, ServerArguments, SwapArguments, WarmArguments,
};
use super::client::{Action, Client, Told};
use super::each::each;
use crate::failure::{CliError, Exit};
use crate::stdout;
use serde_json::{Value, json};
use std::path::Path;

/// Makes sure that models are warm.
///
/// # Errors
/// As [`each()`].
pub fn warm(arguments: &WarmArguments, config: Option<&Path>) -> Result<Exit, CliError> {
    let client = client(&arguments.server, config)?;
    let names = match arguments.models.as_slice() {
        [] => client.models()?.into_iter().map(|told| told.model.id).collect(),
        names => names.to_vec(),
    };
    let action = Action { verb: "warm-up", body: json!({ "force": arguments.force }) };
    each_model(&names, &arguments.server, |name| {
        let told = client.act(name, &action)?;
        let what = match told.model.outcome.as_deref() {
            Some("skipped") => "it was warm, skipped",
            _ => "warmed",
        };
        Ok((what.to_owned(), told))
    })
}

/// Loads models.
///
/// # Errors
/// As [`each()`].
pub fn load(arguments: &NamesArguments, config: Option<&Path>) -> Result<Exit, CliError> {
    let client = client(&arguments.server, config)?;
    let action = Action { verb: "load", body: Value::Null };
    each_model(&arguments.models, &arguments.server, |name| Ok(("loaded".to_owned(), client.act(name, &action)?)))
}

/// Frees models.
///
/// # Errors
/// As [`each()`].
pub fn unload(arguments: &NamesArguments, config: Option<&Path>) -> Result<Exit, CliError> {
    let client = client(&arguments.server, config)?;
    let action = Action { verb: "unload", body: Value::Null };
    each_model(&arguments.models, &arguments.server, |name| Ok(("unloaded".to_owned(), client.act(name, &action)?)))
}

/// Loads the same version of a model anew.
///
/// # Errors
/// As [`each()`].
pub fn reload(arguments: &ReloadArguments, config: Option<&Path>) -> Result<Exit, CliError> {
    let client = client(&arguments.server, config)?;
    let action = Action { verb: "reload", body: Value::Null };
    each_model(std::slice::from_ref(&arguments.model), &arguments.server, |name| exchange(&client, name, &action))
}

/// Exchanges a model for another version.
///
/// # Errors
/// As [`each()`].
pub fn swap(arguments: &SwapArguments, config: Option<&Path>) -> Result<Exit, CliError> {
    let client = client(&arguments.server, config)?;
    let body = arguments.version.map_or(json!({ "version": "latest" }), |version| json!({ "version": version }));
    let action = Action { verb: "reload", body };
    each_model(std::slice::from_ref(&arguments.model), &arguments.server, |name| exchange(&client, name, &action))
}

/// Frees every model.
///
/// # Errors
/// What the server says, or that there is none.
pub fn clear(arguments: &ClearArguments, config: Option<&Path>) -> Result<Exit, CliError> {
    let client = client(&arguments.server, config)?;
    let answer = client.clear()?;
    if arguments.server.json {
        stdout::print_json(&answer)?;
    } else {
        let lines: Vec<String> = client.models()?.iter().map(|told| told.model.line() + "\n").collect();
        stdout::print(&lines.concat())?;
    }
    Ok(Exit::Ok)
}

/// The client of the server that is meant.
///
/// # Errors
/// An address that is none.
pub fn client(server: &ServerArguments, config: Option<&Path>) -> Result<Client, CliError> {
    Ok(Client::new(server_url(server.url.as_deref(), config)?))
}

/// What came of an exchange, and the model after it.
fn exchange(client: &Client, name: &str, action: &Action) -> Result<(String, Told), CliError> {
    let before = client.model(name)?.model.serving;
    let after = client.act(name, action)?;
    let what = match &before {
        Some(old) => format!("took the place of {}", old.name()),
        None => "loaded; there was none before".to_owned(),
    };
    Ok((what, after))
}

fn each_model(
    names: &[String],
    server: &ServerArguments,
    ask: impl Fn(&str) -> Result<(String, Told), CliError>,
) -> Result<Exit, CliError> {
    each("models", names, server, |name| {
        let (what, told) = ask(name)?;
        Ok((format!("{}\n  {what}", told.model.line()), told.json))
    })
}
