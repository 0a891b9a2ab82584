//! What answers texts, pictures and faces together: pairs of towers, and the models for faces.

use super::finding::Finding;
use crate::config::{Config, PairSection};
use crate::failure::CliError;
use crate::models_command::ModelFacts;
use samovar_models::{FamilyKind, Pairing, PairingError};
use samovar_service::text::{Tower, VectorFacts};
use std::collections::BTreeMap;

/// Every model by its name, as its file tells it.
pub type FactsByName = BTreeMap<String, Result<ModelFacts, CliError>>;

/// One thing that was looked at, and what is wrong with it.
pub type Looked = (String, Result<String, CliError>);

/// Looks at what is configured, on its own.
pub fn look(config: &Config) -> Vec<Finding> {
    let facts = config.models.iter().map(|(name, section)| (name.clone(), ModelFacts::read(name, section)));
    check(&facts.collect(), config).into_iter().map(finding).collect()
}

/// Whether each pair's towers belong together, and whether the models for faces are some.
pub fn check(facts: &FactsByName, config: &Config) -> Vec<Looked> {
    let pairs = config.pairs.iter().map(|(name, pair)| (format!("pair {name}"), pair_of(pair, facts)));
    let faces = config.faces.models().filter_map(|(key, model)| {
        let facts = facts.get(model)?.as_ref().ok()?;
        Some((format!("faces {key}"), face_model(key, model, facts)))
    });
    pairs.chain(faces).collect()
}

fn finding((subject, looked): Looked) -> Finding {
    match looked {
        Ok(detail) => Finding::ok(subject, detail),
        Err(CliError { message, cure, .. }) => Finding::problem(subject, message, cure.unwrap_or_default()),
    }
}

fn pair_of(pair: &PairSection, facts: &FactsByName) -> Result<String, CliError> {
    let image = pair.image.as_deref().map(|model| tower(model, Tower::Image, facts)).transpose()?.flatten();
    let text = pair.text.as_deref().map(|model| tower(model, Tower::Text, facts)).transpose()?.flatten();
    let width = |facts: &Option<VectorFacts>| facts.as_ref().and_then(|facts| facts.dimensions);
    let listed: Vec<String> = pair.models().map(|(key, model)| format!("{key} = {model}")).collect();
    if let (Some(image), Some(text)) = (width(&image), width(&text))
        && image != text
    {
        let message = format!("{}: pictures become {image} numbers and texts {text}", listed.join(", "));
        return Err(unfit(message).cure("take both towers from the same checkpoint"));
    }
    let pairing = Pairing::of_towers(image.and_then(|facts| facts.pairing), text.and_then(|facts| facts.pairing));
    let told = match pairing {
        Ok(pairing) => format!("scale {:.1}, bias {:.1}", pairing.scale, pairing.bias),
        // Cosines need neither.
        Err(PairingError::Unknown) => "scale and bias unknown: cosines, but no probabilities".to_owned(),
        Err(error) => return Err(unfit(format!("{}: {error}", listed.join(", ")))),
    };
    Ok(format!("{}, {told}", listed.join(", ")))
}

/// What that tower is; nothing where its file cannot be read, which is a finding of its own.
fn tower(model: &str, wanted: Tower, facts: &FactsByName) -> Result<Option<VectorFacts>, CliError> {
    let Some(Ok(facts)) = facts.get(model) else { return Ok(None) };
    if facts.problem().is_some() {
        return Ok(None);
    }
    match facts.vectors() {
        Some(vectors) if vectors.tower == Some(wanted) => Ok(Some(vectors.clone())),
        _ => {
            let word = wanted.name();
            let family = facts.family().unwrap_or("none");
            let message = format!("`{word}` must be a tower for {word}s, and {model} (family {family}) is not one");
            Err(unfit(message).cure("name a tower of CLIP or SigLIP; `samovar models` tells each model's family"))
        }
    }
}

fn face_model(key: &str, model: &str, facts: &ModelFacts) -> Result<String, CliError> {
    let wanted = if key == "detector" { FamilyKind::Yunet } else { FamilyKind::FaceEmbedding };
    match facts.family() {
        Some(family) if family != wanted.name() => {
            let message = format!("{model} is of the family {family}, and `{key}` must be {}", wanted.name());
            Err(unfit(message).cure("name another model in `[faces]`; `samovar models` tells each one's family"))
        }
        _ => Ok(model.to_owned()),
    }
}

fn unfit(message: String) -> CliError {
    CliError::new("models_do_not_fit", message)
}
