//! `samovar calls`: the calls that a running server keeps.

use super::ServerArguments;
use super::calls_arguments::{
    CallArguments, CallNamesArguments, CallsCommand, CallsFilterArguments, CallsListArguments, CallsSearchArguments,
};
use super::calls_view::{CallDetailView, CallView, table};
use super::client::path_part;
use super::command::client;
use super::each::each;
use crate::failure::{CliError, Exit};
use crate::{stderr, stdout};
use samovar_calls::CallTime;
use serde::Deserialize;
use serde_json::json;
use std::fmt::Write;
use std::path::Path;

const CALLS: &str = "/v1/calls";

/// Calls, and where the list goes on.
#[derive(Deserialize)]
struct CallList {
    data: Vec<CallView>,
    next: Option<String>,
}

/// Runs the command.
///
/// # Errors
/// What the server says, or that there is none.
pub fn calls(command: &CallsCommand, config: Option<&Path>) -> Result<Exit, CliError> {
    match command {
        CallsCommand::List(CallsListArguments { filter, server }) => list(None, filter, server, config),
        CallsCommand::Search(CallsSearchArguments { text, filter, server }) => {
            list(Some(&text.join(" ")), filter, server, config)
        }
        CallsCommand::Show(arguments) => show(arguments, config),
        CallsCommand::Delete(arguments) => delete(arguments, config),
    }
}

fn list(
    text: Option<&str>,
    filter: &CallsFilterArguments,
    server: &ServerArguments,
    config: Option<&Path>,
) -> Result<Exit, CliError> {
    let client = client(server, config)?;
    let answer = client.get(&path_of_list(text, filter))?;
    if server.json {
        stdout::print_json(&answer)?;
        return Ok(Exit::Ok);
    }
    let CallList { data, next } = serde_json::from_value(answer).map_err(|_| client.not_samovar())?;
    if data.is_empty() {
        stdout::print("there are no such calls\n")?;
        return Ok(Exit::Ok);
    }
    stdout::print(&table(&data))?;
    if let Some(next) = next {
        stderr::line(&format!("there are more: ask for the same with --after {next}"));
    }
    Ok(Exit::Ok)
}

fn path_of_list(text: Option<&str>, filter: &CallsFilterArguments) -> String {
    let mut path = format!("{CALLS}?limit={}", filter.limit);
    let since = filter.since.map(|since| CallTime::now().before(since).0.to_string());
    let asked = [
        ("text", text.map(path_part)),
        ("priority", filter.priority.map(|priority| priority.to_string())),
        ("category", filter.category.as_deref().map(path_part)),
        ("since_ms", since),
        ("after", filter.after.map(|after| after.to_string())),
    ];
    for (name, value) in asked {
        // Writing into a string cannot fail.
        let _ = value.map(|value| write!(path, "&{name}={value}"));
    }
    path
}

fn show(arguments: &CallArguments, config: Option<&Path>) -> Result<Exit, CliError> {
    let client = client(&arguments.server, config)?;
    let answer = client.get(&path_of(&arguments.id))?;
    if arguments.server.json {
        stdout::print_json(&answer)?;
    } else {
        let call: CallDetailView = serde_json::from_value(answer).map_err(|_| client.not_samovar())?;
        stdout::print(&call.text())?;
    }
    Ok(Exit::Ok)
}

fn delete(arguments: &CallNamesArguments, config: Option<&Path>) -> Result<Exit, CliError> {
    let count = arguments.ids.len();
    arguments.confirm.deletion(count, &format!("{count} calls with their words, figures, decisions and sound"))?;
    let client = client(&arguments.server, config)?;
    each("calls", &arguments.ids, &arguments.server, |id| {
        client.delete(&path_of(id))?;
        Ok((format!("{id}: deleted"), json!({ "id": id, "deleted": true })))
    })
}

fn path_of(id: &str) -> String {
    format!("{CALLS}/{}", path_part(id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use samovar_triage::Priority;

    #[test]
    fn what_is_asked_for_stands_in_the_query() {
        let none = CallsFilterArguments { priority: None, category: None, since: None, limit: 50, after: None };
        assert_eq!(path_of_list(None, &none), "/v1/calls?limit=50");
        let some = CallsFilterArguments {
            priority: Some(Priority::P2),
            category: Some("a&b".to_owned()),
            after: Some(7),
            ..none
        };
        let path = path_of_list(Some("mill röad"), &some);
        assert_eq!(path, "/v1/calls?limit=50&text=mill%20r%C3%B6ad&priority=P2&category=a%26b&after=7");
    }
}
