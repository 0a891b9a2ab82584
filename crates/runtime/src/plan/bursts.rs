//! What the bursts of one way gave. Noise can only slow a burst down, so the best quarter of them counts.

use super::Figures;
use std::time::Duration;

/// The rounds of bursts of one way, in the order in which they were made.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bursts {
    made: Vec<Burst>,
}

/// What one round of bursts gave: one alone, one with all slots busy.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Burst {
    /// Rows a second with all slots busy.
    pub(crate) rows_per_s: f64,
    /// Of a run with nothing else going on.
    pub(crate) latency: Duration,
}

impl Bursts {
    pub(crate) fn push(&mut self, burst: Burst) {
        self.made.push(burst);
    }

    pub(crate) fn extend(&mut self, others: &Self) {
        self.made.extend(&others.made);
    }

    pub(crate) fn len(&self) -> usize {
        self.made.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Burst> {
        self.made.iter()
    }

    /// The mean of the best quarter of each figure; none where nothing was measured.
    pub(crate) fn best(&self) -> Option<Burst> {
        let seconds = best_quarter(self.made.iter().map(|burst| -burst.latency.as_secs_f64()).collect())?;
        let rows_per_s = best_quarter(self.made.iter().map(|burst| burst.rows_per_s).collect())?;
        Some(Burst { rows_per_s, latency: Duration::from_secs_f64(-seconds) })
    }
}

impl From<Burst> for Figures {
    fn from(burst: Burst) -> Self {
        Self { rows_per_s: burst.rows_per_s, latency: burst.latency, ..Self::default() }
    }
}

/// The mean of the largest quarter, of one value at least.
fn best_quarter(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(|a, b| b.total_cmp(a));
    values.truncate(values.len().div_ceil(4));
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn burst(rows_per_s: f64, latency_ms: u64) -> Burst {
        Burst { rows_per_s, latency: Duration::from_millis(latency_ms) }
    }

    #[test]
    fn slow_moments_do_not_count_while_a_quarter_was_quiet() {
        let mut bursts = Bursts::default();
        assert_eq!(bursts.best(), None);
        for _ in 0..6 {
            bursts.push(burst(10.0, 90));
        }
        bursts.push(burst(102.0, 12));
        bursts.push(burst(98.0, 8));
        assert_eq!(bursts.best(), Some(burst(100.0, 10)));
    }
}
