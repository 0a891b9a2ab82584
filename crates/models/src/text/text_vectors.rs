//! Arithmetic on the vectors of a text: pooling, length, lexical weights.

use crate::Pooling;
use half::f16;
use half::slice::HalfFloatSliceExt;
use samovar_engine_api::{ElementType, TensorRef};
use samovar_runtime::TaskError;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// One row's numbers as f32, in place where they are.
pub(crate) fn numbers<'a>(tensor: &TensorRef<'a>) -> Result<Cow<'a, [f32]>, TaskError> {
    Ok(match tensor.element() {
        ElementType::F16 => Cow::Owned(tensor.as_slice::<f16>()?.to_f32_vec()),
        _ => Cow::Borrowed(tensor.as_slice::<f32>()?),
    })
}

/// One vector of `[tokens, numbers]`, of which the first `tokens` are text and the rest is padding.
pub(crate) fn pool(vectors: &[f32], numbers: usize, tokens: usize, pooling: Pooling) -> Option<Vec<f32>> {
    let mut rows = vectors.chunks_exact(numbers.max(1)).take(tokens);
    match pooling {
        Pooling::Cls => rows.next().map(<[f32]>::to_vec),
        Pooling::LastToken => rows.nth(tokens.checked_sub(1)?).map(<[f32]>::to_vec),
        Pooling::Mean => {
            let mut mean = rows.next()?.to_vec();
            for row in rows {
                mean.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
            }
            mean.iter_mut().for_each(|sum| *sum /= tokens as f32);
            Some(mean)
        }
    }
}

/// The vector brought to length 1; one of length 0 stays as it is.
pub(crate) fn normalize(vector: &mut [f32]) {
    let length = vector.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt();
    if length > 0.0 {
        vector.iter_mut().for_each(|value| *value = (f64::from(*value) / length) as f32);
    }
}

/// The largest weight above 0 of each token id, tokens that say nothing left out, in ascending order of the ids: FlagEmbedding's
/// `_process_token_weights`.
pub(crate) fn lexical_weights(ids: &[u32], weights: &[f32], is_structural: impl Fn(u32) -> bool) -> Vec<(u32, f32)> {
    let mut largest: BTreeMap<u32, f32> = BTreeMap::new();
    for (&id, &weight) in ids.iter().zip(weights) {
        if weight > 0.0 && !is_structural(id) {
            let kept = largest.entry(id).or_insert(weight);
            *kept = kept.max(weight);
        }
    }
    largest.into_iter().collect()
}

/// Whether every number is one: a vector with another makes every comparison with it meaningless.
pub(crate) fn are_finite(values: &[f32]) -> bool {
    values.iter().all(|value| value.is_finite())
}

/// From any number to between 0 and 1.
pub(crate) fn sigmoid(logit: f32) -> f32 {
    1.0 / (1.0 + (-logit).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three tokens of two numbers; the third is padding.
    const VECTORS: [f32; 6] = [1.0, 2.0, 3.0, 6.0, 100.0, 100.0];

    #[test]
    fn padding_is_in_no_pooling() {
        let pooled = |pooling| pool(&VECTORS, 2, 2, pooling).unwrap();
        assert_eq!(pooled(Pooling::Mean), [2.0, 4.0]);
        assert_eq!(pooled(Pooling::Cls), [1.0, 2.0]);
        assert_eq!(pooled(Pooling::LastToken), [3.0, 6.0]);
        assert_eq!(pool(&VECTORS, 2, 0, Pooling::Mean), None);
    }

    #[test]
    fn a_vector_is_brought_to_length_one_unless_it_has_none() {
        let mut vector = [3.0, 4.0];
        normalize(&mut vector);
        assert_eq!(vector, [0.6, 0.8]);
        let mut zero = [0.0, 0.0];
        normalize(&mut zero);
        assert_eq!(zero, [0.0, 0.0]);
    }

    #[test]
    fn of_each_token_the_largest_weight_counts_and_special_ones_do_not() {
        let weights = lexical_weights(&[0, 7, 5, 7, 9, 2], &[9.0, 0.2, 0.5, 0.4, -1.0, 9.0], |id| id == 0 || id == 2);
        assert_eq!(weights, [(5, 0.5), (7, 0.4)]);
    }

    #[test]
    fn the_sigmoid_stays_between_zero_and_one() {
        assert_eq!([f32::MIN, 0.0, f32::MAX].map(sigmoid), [0.0, 0.5, 1.0]);
    }
}
