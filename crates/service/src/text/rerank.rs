//! How well documents answer a query.

use samovar_models::{HybridWeights, Truncate};
use std::sync::Arc;
use std::time::Instant;

/// Documents that are to be put in order.
#[derive(Clone, Debug)]
pub struct RerankRequest {
    /// A cross-encoder or a model of texts; none: the only one that can be meant.
    pub model: Option<String>,
    /// What is asked.
    pub query: String,
    /// What may answer it.
    pub documents: Vec<String>,
    /// The best so many alone; none: all.
    pub top_n: Option<usize>,
    /// A cross-encoder's number as it is, in place of a share of 1.
    pub raw_scores: bool,
    /// What becomes of texts that are longer than the model takes.
    pub truncate: Truncate,
    /// How the heads of a model with several count; none: all the same.
    pub weights: Option<HybridWeights>,
    /// When the answer is worth nothing any more.
    pub deadline: Instant,
}

/// By what documents were put in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RankMethod {
    /// A model that reads both texts at once.
    CrossEncoder,
    /// The cosine of their vectors.
    Cosine,
    /// The three heads of BGE-M3, weighed.
    Hybrid,
}

impl RankMethod {
    /// The word in output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CrossEncoder => "cross-encoder",
            Self::Cosine => "cosine",
            Self::Hybrid => "hybrid",
        }
    }
}

/// Documents in order, the best first.
#[derive(Clone, Debug)]
pub struct RerankAnswer {
    /// The model, by its name.
    pub model: Arc<str>,
    /// By what they were put in order.
    pub method: RankMethod,
    /// The best first; equal ones in the order of the request.
    pub ranked: Vec<Ranked>,
    /// Tokens that went through the model.
    pub tokens: usize,
}

/// One document in its place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ranked {
    /// Its place in the request.
    pub index: usize,
    /// How well it answers.
    pub score: f32,
}

/// The best first; equal ones in the order of the request.
pub(super) fn ranked(scores: &[f32], top_n: Option<usize>) -> Vec<Ranked> {
    let mut ranked: Vec<Ranked> = scores.iter().enumerate().map(|(index, &score)| Ranked { index, score }).collect();
    ranked.sort_by(|a, b| b.score.total_cmp(&a.score));
    ranked.truncate(top_n.unwrap_or(usize::MAX));
    ranked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_come_first_and_equal_ones_keep_their_order() {
        let order = |top| ranked(&[0.5, 0.9, 0.5, -1.0], top).iter().map(|ranked| ranked.index).collect::<Vec<_>>();
        assert_eq!(order(None), [1, 0, 2, 3]);
        assert_eq!(order(Some(2)), [1, 0]);
        assert_eq!(order(Some(9)).len(), 4);
    }
}
