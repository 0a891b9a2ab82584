//! Bilinear sampling positions along one axis, as OpenCV's `INTER_LINEAR` has them: pixel centres at half, edges
//! repeated, no antialiasing.

/// What a weight of one would be.
const WEIGHT_ONE: f64 = 32_768.0;

/// All sampling positions along one axis. The tables are kept and refilled, never allocated anew in steady state.
#[derive(Debug, Default)]
pub(crate) struct Axis {
    /// For each target sample, the first of the two source samples that it lies between.
    positions: Vec<u32>,
    /// Share of the second of them, of 2¹⁵; never the whole.
    weights: Vec<i16>,
    pattern: Pattern,
}

/// Common patterns that need no table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Pattern {
    /// Every sample is taken as it is.
    #[default]
    Identity,
    /// Every target sample is the mean of two source samples.
    Half,
    /// Anything else: by the table.
    Table,
}

impl Axis {
    /// Fills the tables for `target_len` samples taken every `step` of `source_len` samples.
    pub(crate) fn fill(&mut self, source_len: usize, target_len: usize, step: f64) {
        self.positions.clear();
        self.weights.clear();
        for target in 0..target_len {
            let (position, weight) = sampling_position(target, source_len, step);
            self.positions.push(position);
            self.weights.push(weight);
        }
        self.pattern = if step == 1.0 && source_len >= target_len {
            Pattern::Identity
        } else if step == 2.0 && source_len >= 2 * target_len {
            Pattern::Half
        } else {
            Pattern::Table
        };
    }

    pub(crate) fn positions(&self) -> &[u32] {
        &self.positions
    }

    pub(crate) fn weights(&self) -> &[i16] {
        &self.weights
    }

    pub(crate) const fn pattern(&self) -> Pattern {
        self.pattern
    }
}

fn sampling_position(target: usize, source_len: usize, step: f64) -> (u32, i16) {
    let exact = ((target as f64 + 0.5) * step - 0.5).clamp(0.0, (source_len - 1) as f64);
    let position = exact as u32;
    // The largest weight stands for one less a thirty-thousandth: far below half a grey level.
    let weight = ((exact - f64::from(position)) * WEIGHT_ONE).round().min(WEIGHT_ONE - 1.0);
    (position, weight as i16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_those_of_opencv() {
        let mut axis = Axis::default();
        axis.fill(4, 2, 2.0);
        assert_eq!((axis.positions(), axis.weights()), ([0, 2].as_slice(), [1 << 14; 2].as_slice()));
        assert_eq!(axis.pattern(), Pattern::Half);
        axis.fill(2, 4, 0.5);
        assert_eq!((axis.positions(), axis.weights()), ([0, 0, 0, 1].as_slice(), [0, 8192, 24576, 0].as_slice()));
    }
}
