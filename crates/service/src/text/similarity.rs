//! How alike items are: texts and texts, or texts and pictures through a pair.

use super::Item;
use samovar_models::Activation;
use std::sync::Arc;
use std::time::Instant;

/// A table of likenesses that is asked for.
#[derive(Clone, Debug)]
pub struct SimilarityRequest {
    /// A model or a pair; none: the only one that can be meant.
    pub model: Option<String>,
    /// The rows of the table.
    pub left: Vec<Item>,
    /// Its columns; empty: the rows again.
    pub right: Vec<Item>,
    /// What is told of each pair.
    pub scoring: Scoring,
    /// When the answer is worth nothing any more.
    pub deadline: Instant,
}

/// What is told of a pair of items.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scoring {
    /// The cosine of their vectors, -1 to 1.
    #[default]
    Cosine,
    /// The cosine by the scale and bias that the towers were trained with.
    Logits,
    /// The probability: of each pair by itself, or of the columns of a row together; none: as the towers were trained.
    Probabilities(Option<Activation>),
}

/// A table of likenesses.
#[derive(Clone, Debug)]
pub struct SimilarityAnswer {
    /// The model or the pair, by its name.
    pub model: Arc<str>,
    /// A row for each item of the left, a column for each of the right.
    pub scores: Vec<Vec<f32>>,
    /// Tokens of all texts.
    pub tokens: usize,
}
