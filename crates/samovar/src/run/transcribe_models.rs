//! The models of `samovar run transcribe`, loaded and warm: as typed, else as configured, else the one that ships.

use super::transcribe_arguments::TranscribeArguments;
use crate::config::{Config, ConfigFile, FamilyName};
use crate::failure::CliError;
use crate::model_choice::{self, NamedModel};
use crate::{here, stderr};
use samovar_media::AudioLimits;
use samovar_service::speech::{SpeechService, SpeechSettings};
use std::sync::Arc;
use std::time::Duration;

/// What is used where nobody says otherwise.
const SHIPPED: &str = "starter-whisper";
/// The voice model of the catalogue.
const VOICES: &str = "silero-vad";
/// Longest recording: no limit, but one that no clock overflows at.
const DURATION_MAX: Duration = Duration::from_secs(365 * 24 * 3_600);

/// Loads and warms them.
///
/// # Errors
/// Why one cannot be had, with the cure; a model that is not of the kind its part needs.
pub async fn load(arguments: &TranscribeArguments, file: &ConfigFile) -> Result<SpeechService, CliError> {
    let config = &file.config;
    let model = whisper(arguments, config)?;
    let voices = arguments.hearing.vad.then(|| voice_model(arguments, config)).transpose()?;
    let chosen = || std::iter::once(&model).chain(&voices);
    let specs = chosen().map(model_choice::spec).collect::<Result<Vec<_>, _>>()?;
    let registry = Arc::new(here::registry(config, specs, None)?);
    for (name, _) in chosen() {
        registry.load(name).await??;
    }
    let settings = SpeechSettings {
        model: Some(model.0),
        voice_model: voices.map(|(name, _)| name),
        audio: AudioLimits { bytes: u64::MAX, duration: DURATION_MAX, ..AudioLimits::default() },
        ffmpeg: here::ffmpeg(config).ok(),
        recordings_max: 1,
    };
    Ok(SpeechService::new(registry, settings))
}

fn whisper(arguments: &TranscribeArguments, config: &Config) -> Result<NamedModel, CliError> {
    let configured = || config.speech.model.clone().or_else(|| only(config, FamilyName::Whisper));
    let name = arguments.model.clone().or_else(configured).unwrap_or_else(|| {
        let note = "is used, which knows a closed set of English emergency phrases only; name another one with --model";
        if !arguments.results.quiet {
            stderr::line(&format!("{SHIPPED} {note}"));
        }
        SHIPPED.to_owned()
    });
    let (name, mut section) = model_choice::file_or_name(&name, config, &arguments.choices)?;
    section.adapter = arguments.adapter.clone().or(section.adapter);
    Ok((name, section))
}

fn voice_model(arguments: &TranscribeArguments, config: &Config) -> Result<NamedModel, CliError> {
    let configured = || config.speech.voice_model.clone().or_else(|| only(config, FamilyName::SileroVad));
    let name = arguments.hearing.voice_model.clone().or_else(configured).unwrap_or_else(|| VOICES.to_owned());
    // What is chosen on the command line is chosen for the Whisper.
    let choices = crate::arguments::ModelChoices { family: None, ..arguments.choices };
    model_choice::file_or_name(&name, config, &choices)
}

/// The only configured model that says, or whose encoder says, that it is of that family.
fn only(config: &Config, family: FamilyName) -> Option<String> {
    let is_encoder = |path: &std::path::Path| path.file_name().is_some_and(|name| name == "encoder_model.onnx");
    let mut found = config.models.iter().filter(|(_, section)| match section.family {
        Some(found) => found == family,
        None => family == FamilyName::Whisper && is_encoder(&section.path),
    });
    let (name, _) = found.next()?;
    found.next().is_none().then(|| name.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_only_whisper_that_is_configured_is_found() {
        let config = |more: &str| {
            let text = format!(
                "[models.words]\npath = \"tiny/onnx/encoder_model.onnx\"\n[models.who]\npath = \"a.onnx\"\n\
                 family = \"silero-vad\"\n{more}"
            );
            crate::config::check(&text).unwrap()
        };
        assert_eq!(only(&config(""), FamilyName::Whisper).as_deref(), Some("words"));
        assert_eq!(only(&config(""), FamilyName::SileroVad).as_deref(), Some("who"));
        let two = config("[models.more]\npath = \"b.onnx\"\nfamily = \"whisper\"\n");
        assert_eq!(only(&two, FamilyName::Whisper), None);
    }
}
