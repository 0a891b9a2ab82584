//! `samovar top`: on a terminal a view, elsewhere text or JSON.

use super::arguments::TopArguments;
use super::plain;
use super::rates::Rates;
use super::reader::{Reader, look};
use super::reading::Reading;
use super::screen;
use super::view::View;
use crate::failure::{CliError, Exit};
use crate::remote::{Client, server_url};
use crate::signals::cancel_on_signal;
use crate::{stderr, stdout};
use std::io::IsTerminal;
use std::path::Path;
use std::time::Duration;

/// Longest wait for an answer: what takes longer is told as no answer.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// Shows a running server.
///
/// # Errors
/// A wrong address; without a view, that there is no server.
pub fn top(arguments: &TopArguments, config: Option<&Path>) -> Result<Exit, CliError> {
    let url = server_url(arguments.url.as_deref(), config)?;
    let client = Client::new(url.clone()).patience(ANSWER_MAX);
    let on_terminal = std::io::stdout().is_terminal() && std::io::stdin().is_terminal();
    match (arguments.json, arguments.once || !on_terminal) {
        (true, _) => json(&client, arguments),
        (false, true) => {
            if !arguments.once {
                stderr::line("there is no terminal to draw on; this is what --once prints");
            }
            once(&client, &url, arguments.interval)
        }
        (false, false) => view(client, url, arguments.interval),
    }
}

fn view(client: Client, url: String, interval: Duration) -> Result<Exit, CliError> {
    let signals = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let signals =
        signals.map_err(|error| CliError::new("internal", format!("the system gives no event loop: {error}")))?;
    let ended = signals.block_on(async { cancel_on_signal() })?;
    let reader = Reader::start(client, interval)?;
    screen::show(&mut View::new(url), &reader, &ended)
}

/// Two looks: rates are told between them.
fn once(client: &Client, url: &str, interval: Duration) -> Result<Exit, CliError> {
    let before = look(client)?;
    std::thread::sleep(interval.min(Duration::from_secs(1)));
    let now = look(client)?;
    stdout::print(&plain::text(url, &now, &Rates::between(&before, &now)))?;
    Ok(Exit::Ok)
}

/// One line for each look, until Ctrl-C or the reader of the lines ends it.
fn json(client: &Client, arguments: &TopArguments) -> Result<Exit, CliError> {
    loop {
        let Reading { json, .. } = look(client)?;
        stdout::print(&format!("{json}\n"))?;
        if arguments.once {
            return Ok(Exit::Ok);
        }
        std::thread::sleep(arguments.interval);
    }
}
