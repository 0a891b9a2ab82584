//! What a tower gives: a picture or a text as numbers.

/// A picture or a text as a vector, as the tower gives it: of any length but zero, every number finite.
#[derive(Clone, Debug, PartialEq)]
pub struct Embedding(pub Vec<f32>);

impl Embedding {
    /// The vector as it came out of a model. None where it has no direction: all zero, or with a value that is not a finite number.
    pub fn new(vector: Vec<f32>) -> Option<Self> {
        let embedding = Self(vector);
        let length = embedding.length();
        (length.is_finite() && length > 0.0).then_some(embedding)
    }

    /// The same direction with length 1: what indexes of vectors want.
    #[must_use]
    pub fn unit(&self) -> Self {
        let length = self.length();
        Self(self.0.iter().map(|value| (f64::from(*value) / length) as f32).collect())
    }

    /// Cosine of the angle between the two, in -1..=1. Vectors of different models have different lengths, and nothing in common: 0.
    pub fn similarity(&self, other: &Self) -> f32 {
        if self.0.len() != other.0.len() {
            return 0.0;
        }
        let product: f64 = self.0.iter().zip(&other.0).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
        let cosine = product / (self.length() * other.length());
        if cosine.is_finite() { cosine.clamp(-1.0, 1.0) as f32 } else { 0.0 }
    }

    fn length(&self) -> f64 {
        self.0.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn similarity_is_the_cosine_whatever_the_lengths() {
        let embedding = |vector: &[f32]| Embedding::new(vector.to_vec()).unwrap();
        assert_eq!(embedding(&[3.0, 4.0]).unit().0, [0.6, 0.8]);
        assert_eq!(embedding(&[3.0, 0.0]).similarity(&embedding(&[0.0, 5.0])), 0.0);
        assert_eq!(embedding(&[3.0, 0.0]).similarity(&embedding(&[-0.1, 0.0])), -1.0);
        assert!((embedding(&[1.0, 1.0]).similarity(&embedding(&[2.0, 0.0])) - 0.5_f32.sqrt()).abs() < 1e-6);
        assert_eq!(embedding(&[1.0]).similarity(&embedding(&[1.0, 0.0])), 0.0);
    }

    #[test]
    fn what_has_no_direction_is_no_embedding() {
        for vector in [vec![], vec![0.0; 3], vec![1.0, f32::NAN], vec![f32::INFINITY]] {
            assert_eq!(Embedding::new(vector), None);
        }
    }

    proptest! {
        #[test]
        fn any_embedding_is_most_like_itself(vector in prop::collection::vec(any::<f32>(), 0..64)) {
            if let Some(embedding) = Embedding::new(vector) {
                prop_assert!((embedding.similarity(&embedding) - 1.0).abs() < 1e-6);
                prop_assert!((embedding.unit().length() - 1.0).abs() < 1e-5);
            }
        }
    }
}
