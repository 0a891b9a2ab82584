//! Vectors of texts and pictures: what is asked for, and what it comes to.

use super::Item;
use samovar_models::{Heads, TextEmbedding, TextEmbeddingModel, Truncate};
use samovar_runtime::Class;
use std::sync::Arc;
use std::time::Instant;

/// Vectors that are asked for.
#[derive(Clone, Debug)]
pub struct EmbedRequest {
    /// A model or a pair; none: the only one that can be meant.
    pub model: Option<String>,
    /// What is to become vectors, in this order.
    pub items: Vec<Item>,
    /// The prompt of the model that is put before texts, by its name; it must have one of that name.
    pub prompt: Option<String>,
    /// What the texts are for, where `prompt` is none: the model's prompt for that, where it has one.
    pub purpose: Option<Purpose>,
    /// The first so many numbers of each vector alone (Matryoshka), brought to length 1 again.
    pub dimensions: Option<usize>,
    /// Whether vectors have length 1; none: as the model has it.
    pub normalize: Option<bool>,
    /// What becomes of texts that are longer than the model takes.
    pub truncate: Truncate,
    /// Which vectors each text gets.
    pub heads: Heads,
    /// Interactive for whoever waits for it, job for whoever does not.
    pub class: Class,
    /// When the answer is worth nothing any more.
    pub deadline: Instant,
}

impl EmbedRequest {
    /// Vectors of `items` as the model has them; what is too long is refused.
    pub fn new(model: Option<String>, items: Vec<Item>, deadline: Instant) -> Self {
        Self {
            model,
            items,
            prompt: None,
            purpose: None,
            dimensions: None,
            normalize: None,
            truncate: Truncate::Refuse,
            heads: Heads::DENSE,
            class: Class::Interactive,
            deadline,
        }
    }
}

/// What texts are for: models of search put different texts before them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To find others.
    Query,
    /// To be found.
    Document,
}

impl Purpose {
    /// The names under which models keep their prompt for it, the most usual first.
    const fn prompts(self) -> &'static [&'static str] {
        match self {
            Self::Query => &["query", "search_query"],
            Self::Document => &["document", "passage", "search_document"],
        }
    }

    /// The name of the model's own prompt for it, where it has one.
    pub(super) fn prompt_of(self, model: &TextEmbeddingModel) -> Option<String> {
        let known: Vec<&str> = model.prompts().collect();
        self.prompts().iter().find(|name| known.contains(name)).map(|name| (*name).to_owned())
    }
}

/// Vectors of everything that was asked for.
#[derive(Clone, Debug)]
pub struct EmbedAnswer {
    /// The model or the pair, by its name.
    pub model: Arc<str>,
    /// In the order of the items.
    pub items: Vec<Embedded>,
    /// Tokens of all texts, special ones included.
    pub tokens: usize,
}

/// The vectors of one item: those of the heads that were asked for.
pub type Embedded = TextEmbedding;
