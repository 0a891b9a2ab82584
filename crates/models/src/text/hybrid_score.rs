//! How alike two texts are by all three heads together.

use super::TextEmbedding;

/// How much each head counts. Only their proportions matter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HybridWeights {
    /// The dot product of the vectors.
    pub dense: f32,
    /// The products of the weights of the tokens that both texts have.
    pub sparse: f32,
    /// For each token of the first text the best of the second, on average.
    pub multi_vector: f32,
}

impl Default for HybridWeights {
    /// All the same, as FlagEmbedding has it.
    fn default() -> Self {
        Self { dense: 1.0, sparse: 1.0, multi_vector: 1.0 }
    }
}

/// How alike two texts are, by each head and by all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct HybridScore {
    /// By the vectors; none where one text has none.
    pub dense: Option<f32>,
    /// By the tokens' weights; none where one text has none.
    pub sparse: Option<f32>,
    /// By the tokens' vectors; none where one text has none.
    pub multi_vector: Option<f32>,
    /// The weighted mean of those that are there; 0 without any.
    pub all: f32,
}

/// How alike `query` and `passage` are: `compute_score` of FlagEmbedding's M3, with weights over the heads that both texts have.
pub fn hybrid_score(query: &TextEmbedding, passage: &TextEmbedding, weights: HybridWeights) -> HybridScore {
    let dense = both(query.dense.as_deref(), passage.dense.as_deref(), dot);
    let sparse = both(query.sparse.as_deref(), passage.sparse.as_deref(), lexical_score);
    let multi_vector = both(query.multi_vector.as_deref(), passage.multi_vector.as_deref(), late_interaction);
    let heads = [(dense, weights.dense), (sparse, weights.sparse), (multi_vector, weights.multi_vector)];
    let (sum, weight) = heads.iter().fold((0.0_f32, 0.0_f32), |(sum, total), &(score, weight)| match score {
        Some(score) => (sum + score * weight, total + weight),
        None => (sum, total),
    });
    HybridScore { dense, sparse, multi_vector, all: if weight == 0.0 { 0.0 } else { sum / weight } }
}

fn both<'a, T: ?Sized>(a: Option<&'a T>, b: Option<&'a T>, score: fn(&T, &T) -> f32) -> Option<f32> {
    a.zip(b).map(|(a, b)| score(a, b))
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Both ascending by id.
fn lexical_score(a: &[(u32, f32)], b: &[(u32, f32)]) -> f32 {
    let weight_of = |id: u32| b.binary_search_by_key(&id, |(other, _)| *other).map_or(0.0, |at| b[at].1);
    a.iter().map(|&(id, weight)| weight * weight_of(id)).sum()
}

/// ColBERT's score (Khattab and Zaharia, 2020), divided by the query's tokens.
fn late_interaction(query: &[Vec<f32>], passage: &[Vec<f32>]) -> f32 {
    if query.is_empty() || passage.is_empty() {
        return 0.0;
    }
    let best = |token: &Vec<f32>| passage.iter().map(|other| dot(token, other)).fold(f32::NEG_INFINITY, f32::max);
    query.iter().map(best).sum::<f32>() / query.len() as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(dense: &[f32], sparse: &[(u32, f32)], multi_vector: &[&[f32]]) -> TextEmbedding {
        TextEmbedding {
            dense: Some(dense.to_vec()),
            sparse: Some(sparse.to_vec()),
            multi_vector: Some(multi_vector.iter().map(|vector| vector.to_vec()).collect()),
            tokens: 0,
        }
    }

    #[test]
    fn each_head_and_their_weighted_mean_are_told() {
        let query = text(&[1.0, 0.0], &[(3, 0.5), (9, 2.0)], &[&[1.0, 0.0], &[0.0, 1.0]]);
        let passage = text(&[0.5, 0.5], &[(3, 0.2), (4, 1.0)], &[&[0.0, 1.0], &[0.0, 0.5]]);
        let weights = HybridWeights { dense: 2.0, sparse: 1.0, multi_vector: 1.0 };
        let score = hybrid_score(&query, &passage, weights);
        assert_eq!((score.dense, score.sparse, score.multi_vector), (Some(0.5), Some(0.1), Some(0.5)));
        assert!((score.all - (1.0 + 0.1 + 0.5) / 4.0).abs() < 1e-6);
    }

    #[test]
    fn heads_that_one_text_lacks_do_not_count() {
        let mut passage = text(&[1.0], &[], &[]);
        passage.sparse = None;
        let score = hybrid_score(&text(&[0.5], &[(1, 1.0)], &[]), &passage, HybridWeights::default());
        assert_eq!((score.dense, score.sparse, score.multi_vector, score.all), (Some(0.5), None, Some(0.0), 0.25));
        let nothing = hybrid_score(&TextEmbedding::default(), &passage, HybridWeights::default());
        assert_eq!(nothing, HybridScore::default());
    }
}
