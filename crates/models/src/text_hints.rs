//! What the configuration says about a model of texts; everything may be left out.

use std::collections::BTreeMap;

/// What the configuration says about a model of texts. What is left out is taken from the files beside the graph.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TextHints {
    /// How the vectors of the tokens become one.
    pub pooling: Option<Pooling>,
    /// Whether vectors are brought to length 1.
    pub normalize: Option<bool>,
    /// Tokens of one text at most, special tokens included; what is longer is cut or refused.
    pub tokens_max: Option<usize>,
    /// Tokens of one run at most, padding included: long texts run in smaller batches.
    pub batch_tokens_max: Option<usize>,
    /// Texts that are put before others by the name of their use, such as `query` and `passage`.
    pub prompts: BTreeMap<String, String>,
}

/// How the vectors of a text's tokens become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pooling {
    /// Their mean, padding left out.
    Mean,
    /// The first token's.
    Cls,
    /// The last token's, padding left out.
    LastToken,
}

impl Pooling {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Mean, Self::Cls, Self::LastToken];

    /// The word in configuration and output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mean => "mean",
            Self::Cls => "cls",
            Self::LastToken => "last-token",
        }
    }
}
