//! Waiting times between tries: they double up to a cap, with jitter so that many clients do not come back together.

use std::time::Duration;

/// Capped exponential backoff with the caller's randomness.
///
/// The n-th wait (counted from 0) lies between half of `min(cap, first × 2ⁿ)` and the whole of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    first: Duration,
    cap: Duration,
    tries: u32,
}

impl Backoff {
    /// Starts at `first` and never exceeds `cap`.
    pub fn new(first: Duration, cap: Duration) -> Self {
        Self { first, cap, tries: 0 }
    }

    /// The time to wait before the next try. `jitter` is a random number from 0 to 1; others are clamped to that.
    pub fn next_wait(&mut self, jitter: f64) -> Duration {
        let doubled = 1_u32.checked_shl(self.tries).and_then(|factor| self.first.checked_mul(factor));
        let whole = doubled.unwrap_or(self.cap).min(self.cap);
        self.tries = self.tries.saturating_add(1);
        let jitter = if jitter.is_nan() { 1.0 } else { jitter.clamp(0.0, 1.0) };
        whole / 2 + (whole / 2).mul_f64(jitter)
    }

    /// How many waits were handed out since the start or the last reset.
    pub fn tries(&self) -> u32 {
        self.tries
    }

    /// Begins again at `first`: for use after a success.
    pub fn reset(&mut self) {
        self.tries = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Duration = Duration::from_millis(500);
    const CAP: Duration = Duration::from_secs(60);

    #[test]
    fn waits_double_up_to_the_cap() {
        let mut backoff = Backoff::new(FIRST, CAP);
        let waits: Vec<u64> = (0..9).map(|_| backoff.next_wait(1.0).as_millis() as u64).collect();
        assert_eq!(waits, [500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
        for _ in 0..100 {
            assert_eq!(backoff.next_wait(1.0), CAP, "a large number of tries neither overflows nor wraps");
        }
        assert_eq!(backoff.tries(), 109);
        backoff.reset();
        assert_eq!(backoff.next_wait(1.0), FIRST);
    }

    #[test]
    fn jitter_takes_at_most_half_away() {
        for (jitter, wait_ms) in [(0.0, 250), (0.5, 375), (1.0, 500), (-3.0, 250), (f64::NAN, 500), (7.0, 500)] {
            let wait = Backoff::new(FIRST, CAP).next_wait(jitter);
            assert_eq!(wait, Duration::from_millis(wait_ms), "jitter {jitter}");
        }
    }
}
