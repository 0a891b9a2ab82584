//! Perturbation: how much a quantity changes from one cycle of the voice to the next, by its mean.

/// Sums from which perturbation is told; those of several stretches of voice add up.
#[derive(Clone, Copy, Default)]
pub(crate) struct Perturbation {
    changes: f64,
    pairs: usize,
    sum: f64,
    count: usize,
}

impl Perturbation {
    /// Takes in the values of one stretch. Of neighbours of which one is more than `factor_max` times the other, one is an error of
    /// measurement: they are not compared.
    pub(crate) fn add(&mut self, values: &[f64], factor_max: f64) {
        self.sum += values.iter().sum::<f64>();
        self.count += values.len();
        for pair in values.windows(2) {
            if pair[0].max(pair[1]) <= factor_max * pair[0].min(pair[1]) {
                self.changes += (pair[0] - pair[1]).abs();
                self.pairs += 1;
            }
        }
    }

    /// The mean change by the mean value; none where too few were compared.
    pub(crate) fn local<'a>(parts: impl Iterator<Item = &'a Self>) -> Option<f64> {
        let all = parts.fold(Self::default(), |all, part| Self {
            changes: all.changes + part.changes,
            pairs: all.pairs + part.pairs,
            sum: all.sum + part.sum,
            count: all.count + part.count,
        });
        let is_told = all.pairs >= PAIRS_MIN && all.sum > 0.0;
        is_told.then(|| all.changes / all.pairs as f64 / (all.sum / all.count as f64))
    }
}

/// Fewer comparisons tell chance rather than a voice.
const PAIRS_MIN: usize = 10;
