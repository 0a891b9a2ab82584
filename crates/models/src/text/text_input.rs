//! What a caller asks about texts, and what comes back.

/// One text, or the tokens that it was already made into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextInput {
    /// To be tokenized here, with the prompt before it.
    Text(String),
    /// Tokens of the model's own vocabulary, without a prompt. Where they do not begin with the special tokens that the model puts
    /// before a text, these are put around them.
    Tokens(Vec<u32>),
}

/// What becomes of a text that is longer than its model takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Truncate {
    /// It is refused: `text_too_long`.
    #[default]
    Refuse,
    /// Its end is cut off.
    End,
    /// Its start is cut off.
    Start,
}

/// What is wanted of a model that tells a text in several ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Heads {
    /// One vector for the text.
    pub dense: bool,
    /// A weight for each token that occurs in it.
    pub sparse: bool,
    /// One vector for each of its tokens.
    pub multi_vector: bool,
}

impl Heads {
    /// One vector for the text: what every model has.
    pub const DENSE: Self = Self { dense: true, sparse: false, multi_vector: false };

    /// The words for those that are on.
    pub fn names(self) -> Vec<&'static str> {
        let heads = [(self.dense, "dense"), (self.sparse, "sparse"), (self.multi_vector, "multi-vector")];
        heads.into_iter().filter(|(on, _)| *on).map(|(_, name)| name).collect()
    }
}

impl Default for Heads {
    fn default() -> Self {
        Self::DENSE
    }
}

/// How texts are to be embedded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EmbedOptions {
    /// The name of the prompt that goes before each text, such as `query`. None: the model's own default, which mostly is none.
    pub prompt: Option<String>,
    /// Numbers of the vector that are wanted: the first so many, for models trained in the Matryoshka way. None: all.
    pub dimensions: Option<usize>,
    /// Whether the vector is brought to length 1. None: as the model's files say.
    pub normalize: Option<bool>,
    /// What becomes of a text that is too long.
    pub truncate: Truncate,
    /// What is wanted.
    pub heads: Heads,
}

/// One text as vectors. Every number is finite.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TextEmbedding {
    /// `[dimensions]`; none where it was not asked for.
    pub dense: Option<Vec<f32>>,
    /// Token ids with their weights above 0, in ascending order of the ids; none where they were not asked for.
    pub sparse: Option<Vec<(u32, f32)>>,
    /// `[tokens without the first][numbers]`, each of length 1; none where they were not asked for.
    pub multi_vector: Option<Vec<Vec<f32>>>,
    /// Tokens that the model read, special tokens included.
    pub tokens: usize,
}

/// How well a document answers a query.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scored {
    /// From 0 to 1: the sigmoid of the logit.
    pub score: f32,
    /// As the model gave it.
    pub logit: f32,
    /// Tokens that the model read, both texts and special tokens together.
    pub tokens: usize,
}
