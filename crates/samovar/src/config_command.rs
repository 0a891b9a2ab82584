//! `samovar config`: the example, the check and the schema.

use crate::arguments::ConfigCommand;
use crate::config::{ConfigFile, EXAMPLE, json_schema};
use crate::failure::{CliError, Exit};
use crate::{stdout, triage};
use std::path::Path;

/// Runs the command.
///
/// # Errors
/// Every mistake of the checked file.
pub fn run(command: &ConfigCommand, config: Option<&Path>) -> Result<Exit, CliError> {
    match command {
        ConfigCommand::Example => stdout::print(EXAMPLE)?,
        ConfigCommand::Schema => stdout::print_json(json_schema())?,
        ConfigCommand::Check { file } => check(file.as_deref().or(config))?,
    }
    Ok(Exit::Ok)
}

fn check(file: Option<&Path>) -> Result<(), CliError> {
    let found = ConfigFile::find(file)?;
    match found.path {
        Some(path) => {
            // What the file names is read as it will be at start.
            triage::rules(found.config.triage.rules.as_deref())?;
            stdout::print(&format!("{}: no mistakes, models: {}\n", path.display(), found.config.models.len()))
        }
        None => Err(CliError::new("config_absent", "there is no configuration file to check")
            .cure("name one: `samovar config check FILE`, or make one: `samovar config example > samovar.toml`")
            .exit(Exit::Usage)),
    }
}
