//! What is wrong with what a caller asks about speech.

use samovar_runtime::{RunError, RunErrorKind};

/// Why a transcription is refused. The message may reach a client.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SpeechError {
    /// A language that Whisper does not know.
    #[error("the language `{0}` is not known; give a code such as `en`, or leave it out and it is detected")]
    UnknownLanguage(String),
    /// A language that this model was not trained for.
    #[error("the model does not know the language `{asked}`; it knows {known}")]
    Language {
        /// What was asked for.
        asked: &'static str,
        /// What it has, shortened.
        known: String,
    },
    /// A model for English alone is asked to translate.
    #[error("the model knows English alone and cannot translate; ask for a transcription, or use a multilingual model")]
    Translate,
    /// A number that is out of bounds.
    #[error("`{name}` is {value}; it may be {least} to {most}")]
    OutOfBounds {
        /// The option.
        name: &'static str,
        /// Its value.
        value: f64,
        /// The least that it may be.
        least: f64,
        /// The most that it may be.
        most: f64,
    },
    /// A text that is too long.
    #[error("`{name}` has {found} {unit} and may have {allowed}; shorten it")]
    TooLong {
        /// The option.
        name: &'static str,
        /// What it has.
        found: usize,
        /// What it may have.
        allowed: usize,
        /// Of what: bytes, tokens, words.
        unit: &'static str,
    },
    /// The tokenizer cannot read a text.
    #[error("the model's tokenizer cannot read `{0}`; leave out what is not in its language")]
    Unreadable(&'static str),
    /// Words are asked for and the graph does not tell where tokens sound.
    #[error(
        "the model gives no times of words: its files have no cross-attention outputs or name no alignment heads; ask for segments"
    )]
    NoWords,
}

impl SpeechError {
    /// Stable machine code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::UnknownLanguage(_) | Self::Language { .. } => "unknown_language",
            Self::Translate => "unsupported_task",
            Self::OutOfBounds { .. } => "invalid_option",
            Self::TooLong { .. } => "text_too_long",
            Self::Unreadable(_) => "text_unreadable",
            Self::NoWords => "unsupported_timestamps",
        }
    }
}

impl From<SpeechError> for RunError {
    fn from(error: SpeechError) -> Self {
        Self::new(RunErrorKind::Input { code: error.code() }, error.to_string())
    }
}
