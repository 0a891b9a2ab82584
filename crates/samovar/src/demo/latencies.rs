//! Percentiles of any number of latencies in constant memory: counts in steps of two per cent.

use std::time::Duration;

/// Latencies by size.
#[derive(Clone, Debug)]
pub struct Latencies {
    /// How many lie in each step.
    counts: Vec<u64>,
    count: u64,
    longest_ms: f64,
}

/// The end of the first step.
const FINEST_MS: f64 = 0.1;
/// From the end of a step to the end of the next one.
const RATIO: f64 = 1.02;
/// The last step ends at 105 seconds.
const STEPS: usize = 701;

impl Default for Latencies {
    fn default() -> Self {
        Self { counts: vec![0; STEPS], count: 0, longest_ms: 0.0 }
    }
}

impl Latencies {
    /// Counts one in.
    pub fn add(&mut self, latency: Duration) {
        let ms = latency.as_secs_f64() * 1e3;
        let step = ((ms / FINEST_MS).ln() / RATIO.ln()).ceil().max(0.0) as usize;
        self.counts[step.min(STEPS - 1)] += 1;
        self.count += 1;
        self.longest_ms = self.longest_ms.max(ms);
    }

    /// Counts in all that another one counted.
    pub fn add_all(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
        self.count += other.count;
        self.longest_ms = self.longest_ms.max(other.longest_ms);
    }

    /// The milliseconds that `share` (0..=1) of all do not exceed (nearest rank), up to two per cent too high; zero for none.
    pub fn percentile_ms(&self, share: f64) -> f64 {
        let rank = ((share * self.count as f64).ceil() as u64).max(1);
        let mut below = 0;
        let step = self.counts.iter().position(|count| {
            below += count;
            below >= rank
        });
        // The last step has no end, and no step reaches beyond the longest.
        step.map_or(0.0, |step| (FINEST_MS * RATIO.powi(step as i32)).min(self.longest_ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(latencies_ms: impl IntoIterator<Item = f64>) -> Latencies {
        let mut latencies = Latencies::default();
        latencies_ms.into_iter().for_each(|ms| latencies.add(Duration::from_secs_f64(ms / 1e3)));
        latencies
    }

    #[test]
    fn percentiles_are_within_two_per_cent() {
        let hundred = of((1..=100).map(f64::from));
        for (share, expected) in [(0.01, 1.0), (0.5, 50.0), (0.9, 90.0), (0.99, 99.0), (1.0, 100.0)] {
            let found = hundred.percentile_ms(share);
            assert!((expected..=expected * RATIO).contains(&found), "{share}: {found}");
        }
    }

    #[test]
    fn the_smallest_the_largest_and_none() {
        assert_eq!(Latencies::default().percentile_ms(0.5), 0.0);
        assert!(of([0.000_01]).percentile_ms(0.5) <= FINEST_MS);
        assert!(
            (100_000.0..110_000.0).contains(&of([500_000.0]).percentile_ms(0.99)),
            "the last step takes all that is longer"
        );
        assert_eq!(of([7.0]).percentile_ms(0.99), 7.0, "never above the longest");
    }

    #[test]
    fn two_together_are_as_one() {
        let (mut even, odd) = (of([2.0, 4.0, 6.0]), of([1.0, 3.0, 5.0]));
        even.add_all(&odd);
        let both = of((1..=6).map(f64::from));
        assert_eq!((even.counts, even.count, even.longest_ms), (both.counts, both.count, both.longest_ms));
    }
}
