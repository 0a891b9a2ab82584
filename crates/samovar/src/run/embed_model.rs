//! The model of `samovar run embed`, loaded and warm: as typed, else the only one of texts that is configured.

use super::embed_arguments::EmbedArguments;
use crate::config::{Config, ConfigFile, FamilyName, ModelSection};
use crate::failure::{CliError, Exit};
use crate::here;
use crate::model_choice::{self, NamedModel};
use crate::models_command::ModelFacts;
use samovar_models::FamilyKind;
use samovar_service::text::{Pairs, TextLimits, TextService};
use std::sync::Arc;

/// Loads and warms it; its name, and what asks it.
///
/// # Errors
/// Why it cannot be had, with the cure.
pub async fn load(arguments: &EmbedArguments, file: &ConfigFile) -> Result<(String, TextService), CliError> {
    let config = &file.config;
    let name = arguments.model.clone().map_or_else(|| only(config), Ok)?;
    let named: NamedModel = model_choice::file_or_name(&name, config, &arguments.choices)?;
    let registry = Arc::new(here::registry(config, vec![model_choice::spec(&named)?], None)?);
    registry.load(&named.0).await??;
    Ok((named.0, TextService::new(registry, Pairs::default(), TextLimits::default(), Arc::new(()))))
}

/// The only configured model that makes vectors of texts.
fn only(config: &Config) -> Result<String, CliError> {
    let of_texts: Vec<&str> = config.models.iter().filter(is_of_texts).map(|(name, _)| &**name).collect();
    match of_texts.as_slice() {
        [only] => Ok((*only).to_owned()),
        [] => Err(CliError::new("no_model", "no model of texts is configured, and none is named")
            .cure("--model FILE|NAME; `samovar models pull minilm-l6` fetches one")
            .exit(Exit::Usage)),
        several => {
            let message = format!("several models of texts are configured: {}", several.join(", "));
            Err(CliError::new("model_required", message).cure("--model NAME").exit(Exit::Usage))
        }
    }
}

fn is_of_texts((name, section): &(&String, &ModelSection)) -> bool {
    match section.family {
        Some(family) => family == FamilyName::TextEmbedding,
        None => {
            let facts = ModelFacts::read(name, section);
            facts.is_ok_and(|facts| facts.family() == Some(FamilyKind::TextEmbedding.name()))
        }
    }
}
