//! Plans for a server that is to be measured, made by another process as an operator would.

use super::server_setup::ServerSetup;
use crate::failure::CliError;
use crate::stderr;
use std::path::Path;
use std::process::{Command, Stdio};

/// `samovar tune` with a server's own configuration, so that its next start finds plans.
///
/// # Errors
/// What that says.
pub fn tune(setup: &ServerSetup, budget_s: u64) -> Result<(), CliError> {
    let failed = |what: &str| CliError::new("tune_failed", format!("the plans could not be measured: {what}"));
    stderr::line("measuring plans");
    let config = setup.write().map_err(|error| failed(&error.to_string()))?;
    let tuned = tune_with(&config, budget_s);
    // A file left behind in the temporary folder harms nobody.
    let _ = std::fs::remove_file(&config);
    let output = tuned.map_err(|error| failed(&error.to_string()))?;
    if output.status.success() {
        return Ok(());
    }
    Err(failed(String::from_utf8_lossy(&output.stderr).trim()))
}

fn tune_with(config: &Path, budget_s: u64) -> std::io::Result<std::process::Output> {
    let budget = budget_s.to_string();
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["tune", "--budget", &budget, "--config"]).arg(config);
    command.stdin(Stdio::null()).stdout(Stdio::null()).output()
}
