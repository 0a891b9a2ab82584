//! Percentiles of recent times in a fixed space: counts in buckets that grow by an eighth of an octave each.

use std::time::Duration;

/// Recent times. Older ones lose weight: when enough have come, all counts are halved.
#[derive(Clone, Debug)]
pub(crate) struct Latencies {
    /// Bucket `n` counts times up to `100 µs × 2^(n / 8)`.
    counts: [u16; BUCKETS],
    total: u32,
}

/// 100 µs to 104 s.
const BUCKETS: usize = 8 * 20 + 1;
const FIRST_S: f64 = 1e-4;
const PER_OCTAVE: f64 = 8.0;
/// At ten frames a second, the last two to three minutes.
const TOTAL_MAX: u32 = 2_048;

impl Default for Latencies {
    fn default() -> Self {
        Self { counts: [0; BUCKETS], total: 0 }
    }
}

impl Latencies {
    /// One more.
    pub(crate) fn add(&mut self, time: Duration) {
        if self.total >= TOTAL_MAX {
            self.counts.iter_mut().for_each(|count| *count /= 2);
            self.total = self.counts.iter().map(|&count| u32::from(count)).sum();
        }
        self.counts[bucket(time)] += 1;
        self.total += 1;
    }

    /// The time within which this share (0 to 1) of all came, at most 9 % too long; none where none came.
    pub(crate) fn within(&self, share: f64) -> Option<Duration> {
        let wanted = (f64::from(self.total) * share).ceil().max(1.0) as u32;
        let mut seen = 0;
        let found = self.counts.iter().position(|&count| {
            seen += u32::from(count);
            seen >= wanted
        });
        found.map(|bucket| Duration::from_secs_f64(FIRST_S * (bucket as f64 / PER_OCTAVE).exp2()))
    }
}

fn bucket(time: Duration) -> usize {
    let octaves = (time.as_secs_f64() / FIRST_S).max(1.0).log2();
    ((octaves * PER_OCTAVE).ceil() as usize).min(BUCKETS - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: Option<Duration>, ms: f64) -> bool {
        let found = found.unwrap().as_secs_f64() * 1e3;
        (ms..=ms * 1.091).contains(&found)
    }

    #[test]
    fn percentiles_are_right_within_a_bucket() {
        let mut times = Latencies::default();
        assert_eq!(times.within(0.5), None);
        (1..=1_000).for_each(|ms| times.add(Duration::from_millis(ms)));
        assert!(near(times.within(0.5), 500.0) && near(times.within(0.99), 990.0), "{:?}", times.within(0.5));
    }

    #[test]
    fn what_is_long_ago_loses_its_weight_and_extremes_have_a_place() {
        let mut times = Latencies::default();
        (0..5_000).for_each(|_| times.add(Duration::from_secs(3)));
        (0..10_000).for_each(|_| times.add(Duration::from_millis(10)));
        assert!(near(times.within(0.95), 10.0), "{:?}", times.within(0.95));
        times.add(Duration::ZERO);
        (0..100_000).for_each(|_| times.add(Duration::MAX));
        assert!(times.within(0.5).unwrap() > Duration::from_secs(100));
    }
}
