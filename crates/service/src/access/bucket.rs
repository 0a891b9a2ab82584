//! The token bucket: how often something may happen, in the long run and at once.

use super::Rate;
use std::time::{Duration, Instant};

/// Tokens that are left, as of a moment. The clock is the caller's.
#[derive(Debug)]
pub(super) struct Bucket {
    level: f64,
    at: Instant,
}

/// What a level may miss by rounding and still count as a token.
const ROUNDING: f64 = 1e-6;

impl Bucket {
    /// All of the burst is left.
    pub(super) const fn full(rate: &Rate, now: Instant) -> Self {
        Self { level: rate.burst, at: now }
    }

    /// Takes one token.
    ///
    /// # Errors
    /// How long until there is one.
    pub(super) fn take(&mut self, rate: &Rate, now: Instant) -> Result<(), Duration> {
        self.refill(rate, now);
        if self.level + ROUNDING < 1.0 {
            return Err(Duration::from_secs_f64((1.0 - self.level) / rate.per_s));
        }
        self.level -= 1.0;
        Ok(())
    }

    /// Whether nothing is missing, so that nothing is lost by forgetting it.
    pub(super) fn is_full(&mut self, rate: &Rate, now: Instant) -> bool {
        self.refill(rate, now);
        self.level >= rate.burst
    }

    fn refill(&mut self, rate: &Rate, now: Instant) {
        let gained = now.saturating_duration_since(self.at).as_secs_f64() * rate.per_s;
        // A rate that was lowered while the server runs lowers what is left, too.
        self.level = (self.level + gained).min(rate.burst);
        self.at = self.at.max(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_goes_at_once_and_then_the_rate_holds() {
        let (start, rate) = (Instant::now(), Rate::new(4.0, 3).unwrap());
        let mut bucket = Bucket::full(&rate, start);
        let taken = (0..5).filter(|_| bucket.take(&rate, start).is_ok()).count();
        assert_eq!(taken, 3);
        assert_eq!(bucket.take(&rate, start), Err(Duration::from_millis(250)));
        // Ten seconds, looked at each millisecond: the rate, and nothing more.
        let later = (1..=10_000).filter(|&ms| bucket.take(&rate, start + Duration::from_millis(ms)).is_ok()).count();
        assert_eq!(later, 40);
    }

    #[test]
    fn asking_again_after_the_time_told_succeeds() {
        let (mut now, rate) = (Instant::now(), Rate::new(0.3, 1).unwrap());
        let mut bucket = Bucket::full(&rate, now);
        for _ in 0..1_000 {
            if let Err(wait) = bucket.take(&rate, now) {
                now += wait;
                assert_eq!(bucket.take(&rate, now), Ok(()), "as was told");
            }
            now += Duration::from_micros(17);
        }
    }

    #[test]
    fn a_clock_that_goes_back_gives_nothing() {
        let (start, rate) = (Instant::now() + Duration::from_secs(60), Rate::new(1.0, 1).unwrap());
        let mut bucket = Bucket::full(&rate, start);
        assert!(bucket.take(&rate, start).is_ok());
        assert!(bucket.take(&rate, start - Duration::from_secs(30)).is_err());
        assert!(bucket.take(&rate, start + Duration::from_millis(999)).is_err());
        assert!(bucket.take(&rate, start + Duration::from_secs(1)).is_ok());
    }
}
