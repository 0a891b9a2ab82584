//! The look before a server listens: what can never work as it is configured, all of it at once, without loading a weight.

use super::service::{self, FactsByName};
use crate::config::Config;
use crate::failure::CliError;
use crate::model_choice::NamedModel;
use crate::models_command::ModelFacts;

/// What the files of models say of themselves.
pub fn facts(models: &[NamedModel]) -> FactsByName {
    models.iter().map(|(name, section)| (name.clone(), ModelFacts::read(name, section))).collect()
}

/// What can never work: files that are not there or are no models, models that fit no family or lack what belongs to them, and parts
/// that do not fit together. Each with its name.
pub fn faults(facts: &FactsByName, config: &Config) -> Vec<(String, CliError)> {
    let parts = service::check(facts, config).into_iter().filter_map(|(name, looked)| Some((name, looked.err()?)));
    let unfit = facts.iter().filter_map(|(name, facts)| {
        let fault = facts.as_ref().map_or_else(Some, ModelFacts::problem);
        fault.map(|fault| (name.clone(), fault.clone()))
    });
    let faults: Vec<_> = unfit.collect();
    faults.into_iter().chain(parts).collect()
}
