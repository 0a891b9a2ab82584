//! Runs every level against a server that runs already.

use super::arguments::BenchLoadArguments;
use super::level::LevelPlan;
use super::report::{LevelFigures, text};
use super::surface::requests;
use crate::failure::{CliError, Exit};
use crate::{stderr, stdout};
use serde::Serialize;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

#[derive(Serialize)]
struct Figures {
    /// What was typed.
    command: String,
    levels: Vec<LevelFigures>,
}

/// Runs the command.
///
/// # Errors
/// A server that cannot be reached, a file that cannot be read, or a level without a single answer.
pub fn load(arguments: &BenchLoadArguments) -> Result<Exit, CliError> {
    let address = resolve(&arguments.server)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime =
        runtime.map_err(|error| CliError::new("internal", format!("the system gives no event loop: {error}")))?;
    let levels = runtime.block_on(levels(arguments, address))?;
    if arguments.json {
        stdout::print_json(&Figures { command: std::env::args().collect::<Vec<_>>().join(" "), levels })?;
    } else {
        stdout::print(&text(&levels))?;
    }
    Ok(Exit::Ok)
}

async fn levels(arguments: &BenchLoadArguments, address: SocketAddr) -> Result<Vec<LevelFigures>, CliError> {
    let requests: Arc<[_]> = requests(arguments, address).await?.into();
    let mut levels = Vec::new();
    for &rate in &arguments.rate {
        let plan = LevelPlan {
            address,
            from: None,
            requests: Arc::clone(&requests),
            rate,
            connections: arguments.connections,
            duration: Duration::from_secs(arguments.duration),
            warm_up: Duration::from_secs(arguments.warm_up),
        };
        stderr::line(&format!(
            "{rate} requests a second over {} connections for {} s",
            plan.connections, arguments.duration
        ));
        let figures = LevelFigures::new(&plan, plan.run().await);
        if figures.answered == 0 {
            return Err(nobody_answered(&figures, address));
        }
        levels.push(figures);
    }
    Ok(levels)
}

fn nobody_answered(figures: &LevelFigures, address: SocketAddr) -> CliError {
    let failures: Vec<String> = figures.failures.iter().map(|(what, count)| format!("{what}: {count}")).collect();
    let message = format!("{address} gave no good answer ({})", failures.join(", "));
    CliError::new("no_answer", message).cure("send one request by hand to see why; keys are taken from SAMOVAR_KEY")
}

fn resolve(server: &str) -> Result<SocketAddr, CliError> {
    let plain = server.strip_prefix("http://").unwrap_or(server).trim_end_matches('/');
    let found = plain.to_socket_addrs().ok().and_then(|mut addresses| addresses.next());
    let unknown = || CliError::new("no_such_address", format!("`{server}` is no HOST:PORT that can be found"));
    found.ok_or_else(|| unknown().cure("--server 127.0.0.1:8080").exit(Exit::Usage))
}
