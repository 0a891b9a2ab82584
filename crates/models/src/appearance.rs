//! How a person looks, as numbers: what a re-identification model gives for one box of a picture.

/// How somebody looks: a vector of length 1. Two of the same person have a high [`Appearance::similarity`].
#[derive(Clone, Debug, PartialEq)]
pub struct Appearance(pub Vec<f32>);

impl Appearance {
    /// The vector brought to length 1. None where it has no direction: all zero, or with a value that is not a finite number.
    pub fn unit(mut vector: Vec<f32>) -> Option<Self> {
        let length = vector.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt();
        if !length.is_finite() || length == 0.0 {
            return None;
        }
        vector.iter_mut().for_each(|value| *value = (f64::from(*value) / length) as f32);
        Some(Self(vector))
    }

    /// Cosine of the angle between the two, in -1..=1. Vectors of different models have different lengths, and nothing in common: 0.
    pub fn similarity(&self, other: &Self) -> f32 {
        if self.0.len() != other.0.len() {
            return 0.0;
        }
        self.0.iter().zip(&other.0).map(|(a, b)| a * b).sum::<f32>().clamp(-1.0, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn similarity_is_the_cosine() {
        let unit = |vector: &[f32]| Appearance::unit(vector.to_vec()).unwrap();
        assert_eq!(unit(&[3.0, 4.0]).0, [0.6, 0.8]);
        assert_eq!(unit(&[3.0, 0.0]).similarity(&unit(&[0.0, 5.0])), 0.0);
        assert!((unit(&[1.0, 1.0]).similarity(&unit(&[2.0, 0.0])) - 0.5_f32.sqrt()).abs() < 1e-6);
        assert_eq!(unit(&[1.0]).similarity(&unit(&[1.0, 0.0])), 0.0);
    }

    #[test]
    fn what_has_no_direction_is_nobody() {
        for vector in [vec![], vec![0.0; 3], vec![1.0, f32::NAN], vec![f32::INFINITY]] {
            assert_eq!(Appearance::unit(vector), None);
        }
    }

    proptest! {
        #[test]
        fn any_vector_has_length_one_or_no_direction(vector in prop::collection::vec(any::<f32>(), 0..64)) {
            if let Some(unit) = Appearance::unit(vector) {
                let length: f64 = unit.0.iter().map(|value| f64::from(*value).powi(2)).sum();
                prop_assert!((length.sqrt() - 1.0).abs() < 1e-5, "{length}");
                prop_assert!(unit.similarity(&unit) <= 1.0);
            }
        }
    }
}
