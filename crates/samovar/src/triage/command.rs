//! `samovar triage`.

use super::arguments::{PrintRulesArguments, RulesChoice, TriageCommand};
use super::{explain, files, test};
use crate::config::ConfigFile;
use crate::failure::{CliError, Exit};
use crate::stdout;
use samovar_triage::{CaseFile, RuleBook};
use std::path::Path;

/// Runs the command.
///
/// # Errors
/// Files that cannot be used. Examples that come out otherwise are no error: the exit code tells.
pub fn run(command: &TriageCommand, config: Option<&Path>) -> Result<Exit, CliError> {
    match command {
        TriageCommand::Test(arguments) => test::test(&chosen(&arguments.choice, config)?, arguments),
        TriageCommand::Explain(arguments) => explain::explain(&chosen(&arguments.choice, config)?, arguments),
        TriageCommand::Rules(PrintRulesArguments { cases }) => {
            stdout::print(if *cases { CaseFile::shipped_text() } else { RuleBook::shipped_text() })?;
            Ok(Exit::Ok)
        }
    }
}

/// The rules that are meant: those named, then the configuration's, then those that Samovar brings.
fn chosen(choice: &RulesChoice, config: Option<&Path>) -> Result<RuleBook, CliError> {
    match &choice.rules {
        Some(file) => files::rules(Some(file)),
        None => files::rules(ConfigFile::find(config)?.config.triage.rules.as_deref()),
    }
}
