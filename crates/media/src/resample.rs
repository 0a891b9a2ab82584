//! Bilinear sampling positions along one axis, as OpenCV's `INTER_LINEAR` has them: pixel centres at half, edges
//! repeated, no antialiasing.

/// One bit of weight: what a weight of one would be.
pub(crate) const WEIGHT_ONE: i32 = 1 << 15;

/// Where one target sample lies between two neighbouring source samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tap {
    /// The first neighbour; the second is the next, or the same at the end.
    pub at: u32,
    /// Share of the second neighbour, of 2¹⁵; never the whole.
    pub weight: i16,
}

/// All sampling positions along one axis. The tables are kept and refilled, never allocated anew in steady state.
#[derive(Debug, Default)]
pub(crate) struct Axis {
    taps: Vec<Tap>,
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
        self.taps.clear();
        self.taps.extend((0..target_len).map(|target| Tap::of(target, source_len, step)));
        self.pattern = if step == 1.0 && source_len >= target_len {
            Pattern::Identity
        } else if step == 2.0 && source_len >= 2 * target_len {
            Pattern::Half
        } else {
            Pattern::Table
        };
    }

    pub(crate) fn taps(&self) -> &[Tap] {
        &self.taps
    }

    pub(crate) const fn pattern(&self) -> Pattern {
        self.pattern
    }
}

impl Tap {
    fn of(target: usize, source_len: usize, step: f64) -> Self {
        let position = ((target as f64 + 0.5) * step - 0.5).clamp(0.0, (source_len - 1) as f64);
        let at = position as u32;
        // The largest weight stands for one less a thirty-thousandth: far below half a grey level.
        let weight = ((position - f64::from(at)) * f64::from(WEIGHT_ONE)).round().min(f64::from(WEIGHT_ONE - 1));
        Self { at, weight: weight as i16 }
    }

    /// Indices of the two neighbours among `len` samples.
    pub(crate) fn neighbours(self, len: usize) -> (usize, usize) {
        let at = self.at as usize;
        (at, (at + 1).min(len - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_those_of_opencv() {
        let mut axis = Axis::default();
        axis.fill(4, 2, 2.0);
        assert_eq!(axis.taps(), [Tap { at: 0, weight: 1 << 14 }, Tap { at: 2, weight: 1 << 14 }]);
        assert_eq!(axis.pattern(), Pattern::Half);
        axis.fill(2, 4, 0.5);
        let weights = [(0, 0), (0, 8192), (0, 24576), (1, 0)];
        assert_eq!(axis.taps(), weights.map(|(at, weight)| Tap { at, weight }));
    }
}
