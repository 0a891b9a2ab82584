//! The same asked of several things, one after the other.

use super::arguments::ServerArguments;
use crate::failure::{CliError, Exit};
use crate::{stderr, stdout};
use serde_json::{Map, Value};

/// Does something with each of `names` and tells what became of it; one that fails does not stop the others. `ask` answers with what people
/// read and with what programs do: under `kind`, a list of all that were done.
///
/// # Errors
/// The failure of the only one, or that there is no server.
pub fn each(
    kind: &str,
    names: &[String],
    server: &ServerArguments,
    ask: impl Fn(&str) -> Result<(String, Value), CliError>,
) -> Result<Exit, CliError> {
    let mut done = Vec::new();
    for name in names {
        match ask(name) {
            Ok((told, answer)) => {
                if !server.json {
                    stdout::print(&format!("{told}\n"))?;
                }
                done.push(answer);
            }
            Err(error) if names.len() == 1 || error.code.starts_with("server_") => return Err(error),
            Err(error) => stderr::line(&format!("{name}: {error}")),
        }
    }
    let exit = match done.len() {
        all if all == names.len() => Exit::Ok,
        0 => Exit::Failure,
        _ => Exit::Partial,
    };
    if server.json {
        stdout::print_json(&Map::from_iter([(kind.to_owned(), Value::Array(done))]))?;
    }
    Ok(exit)
}
