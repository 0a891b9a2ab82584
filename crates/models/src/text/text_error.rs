//! What is wrong with a text or with what is asked about it.

use samovar_runtime::{RunError, RunErrorKind};

/// Why a text is refused. The message may reach a client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// More tokens than the model takes, and nothing may be cut off.
    #[error("the text has {found} tokens and the model takes {allowed}; shorten it, or allow it to be truncated")]
    TooLong {
        /// Tokens of the text, special tokens included.
        found: usize,
        /// Tokens that the model takes.
        allowed: usize,
    },
    /// Not even a special token is left to run on.
    #[error("the text is empty, and this model puts no tokens of its own around it; give a text")]
    Empty,
    /// A token that the vocabulary has not.
    #[error(
        "the token {id} is not in the model's vocabulary of {size}; give tokens of the model's own tokenizer, or a text"
    )]
    UnknownToken {
        /// The token.
        id: u32,
        /// Ids are below this.
        size: usize,
    },
    /// The tokenizer knows no token for a part of the text, nor one for what it does not know.
    #[error("the model's tokenizer cannot read this text; leave out what is not in its language")]
    Unreadable,
    /// A prompt that the model has not.
    #[error("the model has no prompt of that name; it has {known}")]
    UnknownPrompt {
        /// The names that it has.
        known: String,
    },
    /// More numbers than the vector has, or none.
    #[error("{asked} dimensions were asked for and the model gives {given}; ask for 1 to {given}")]
    Dimensions {
        /// What was asked for.
        asked: usize,
        /// What the model gives.
        given: usize,
    },
    /// A head that the model has not, or none at all.
    #[error("the model does not give what was asked for ({asked}); it gives {given}")]
    Heads {
        /// What was asked for.
        asked: String,
        /// What the model gives.
        given: String,
    },
}

impl TextError {
    /// Stable machine code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLong { .. } => "text_too_long",
            Self::Empty => "text_empty",
            Self::UnknownToken { .. } => "unknown_token",
            Self::Unreadable => "text_unreadable",
            Self::UnknownPrompt { .. } => "unknown_prompt",
            Self::Dimensions { .. } => "invalid_dimensions",
            Self::Heads { .. } => "unsupported_head",
        }
    }
}

impl From<TextError> for RunError {
    fn from(error: TextError) -> Self {
        Self::new(RunErrorKind::Input { code: error.code() }, error.to_string())
    }
}
