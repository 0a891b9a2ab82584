//! What an adapter adds to one linear layer.

use super::LoraError;

/// `scale · B · A`, kept as its two factors.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct LowRank {
    pub(super) rank: usize,
    /// Values that go in, and that come out.
    pub(super) sizes: (usize, usize),
    /// `[rank, in]`.
    pub(super) a: Vec<f32>,
    /// `[out, rank]`.
    pub(super) b: Vec<f32>,
    pub(super) scale: f32,
}

impl LowRank {
    /// Row `out` of the product, `[in]`: what is added to the weights of the layer's output `out`.
    pub(super) fn row(&self, out: usize, row: &mut [f32]) {
        row.fill(0.0);
        let factors = &self.b[out * self.rank..(out + 1) * self.rank];
        for (factor, a) in factors.iter().zip(self.a.chunks_exact(row.len().max(1))) {
            row.iter_mut().zip(a).for_each(|(sum, a)| *sum += factor * a);
        }
        row.iter_mut().for_each(|value| *value *= self.scale);
    }

    /// Adds the product to a matrix: `[out, in]` where it is stored `turned` round, as a checkpoint has it, and `[in, out]` where not.
    pub(super) fn add_to(&self, matrix: &mut [f32], turned: bool) -> Result<(), LoraError> {
        let (width_in, width_out) = self.sizes;
        let mut row = vec![0.0; width_in];
        for out in 0..width_out {
            self.row(out, &mut row);
            if turned {
                let weights = &mut matrix[out * width_in..(out + 1) * width_in];
                weights.iter_mut().zip(&row).for_each(|(weight, add)| *weight += add);
            } else {
                let weights = matrix[out..].iter_mut().step_by(width_out);
                weights.zip(&row).for_each(|(weight, add)| *weight += add);
            }
        }
        if matrix.iter().all(|weight| weight.is_finite()) {
            return Ok(());
        }
        Err(LoraError::Damaged("with it a weight becomes too large a number".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_product_is_added_either_way_round() {
        let (a, b) = (vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0], vec![1.0, 0.0, 0.0, 10.0]);
        let change = LowRank { rank: 2, sizes: (3, 2), a, b, scale: 0.5 };
        let mut turned = [1.0; 6];
        change.add_to(&mut turned, true).unwrap();
        assert_eq!(turned, [1.5, 2.0, 2.5, 21.0, 26.0, 31.0]);
        let mut straight = [1.0; 6];
        change.add_to(&mut straight, false).unwrap();
        assert_eq!(straight, [1.5, 21.0, 2.0, 26.0, 2.5, 31.0]);
        let huge = LowRank { scale: f32::MAX, ..change };
        assert_eq!(huge.add_to(&mut straight, false).unwrap_err().code(), "adapter_damaged");
    }
}
