//! What may be asked about one recording.

use crate::ServiceError;
use samovar_media::{AudioInput, ChannelChoice};
use samovar_models::SpeechOptions;
use samovar_models::whisper::{DecodeOptions, Language, SpeechError};
use samovar_runtime::Class;
use std::time::Instant;

/// A recording to transcribe.
#[derive(Clone, Debug)]
pub struct TranscribeRequest {
    /// The model; none takes the configured one, else the only one.
    pub model: Option<String>,
    /// The recording.
    pub audio: AudioInput,
    /// Which of its channels are heard; each by itself ([`ChannelChoice::Separate`]) takes a request for each.
    pub channels: ChannelChoice,
    /// How it is heard.
    pub options: DecodeOptions,
    /// In which pieces.
    pub chunking: Chunking,
    /// Interactive for whoever waits for it, job for whoever does not. A long recording is a job in any case.
    pub class: Class,
    /// When the transcript is worth nothing any more.
    pub deadline: Instant,
}

/// In which pieces a recording is heard.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Chunking {
    /// All of it, window after window, by the reference's seek rule.
    #[default]
    Windows,
    /// Only what the voice model hears as speech.
    Speech(SpeechOptions),
}

/// The language of that code (`en`) or English name (`English`).
///
/// # Errors
/// `unknown_language`, about `language`.
pub fn language(text: &str) -> Result<Language, ServiceError> {
    Language::parse(text).ok_or_else(|| {
        let error = SpeechError::UnknownLanguage(text.chars().take(64).collect());
        ServiceError::invalid(error.code(), error.to_string()).about("language")
    })
}

impl TranscribeRequest {
    /// Refuses what no model can do.
    pub(super) fn check(&self) -> Result<(), ServiceError> {
        let invalid = |code, message: String| ServiceError::invalid(code, message);
        self.options.validate().map_err(|error| invalid(error.code(), error.to_string()))?;
        if let Chunking::Speech(options) = &self.chunking {
            options.validate().map_err(|error| invalid(error.code(), error.to_string()))?;
        }
        if self.channels == ChannelChoice::Separate {
            let message = "channels are heard one at a time; choose one, or their mean, and ask once for each";
            return Err(invalid("invalid_option", message.to_owned()).about("channels"));
        }
        Ok(())
    }
}
