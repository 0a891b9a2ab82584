//! The pace of a live HTTP source: multipart JPEG has no times, so its frames get those of their arrival, and frames over
//! the rate are left out here, where those times are known.

use std::time::{Duration, Instant};

/// Share of an interval by which a frame may come early: arrival is never even.
const SPARE: f64 = 0.1;

/// Times frames and leaves some out; as it is made by default it does neither.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// Between two frames at least.
    interval: Option<Duration>,
    /// Whether times are those of arrival.
    by_arrival: bool,
    first: Option<Instant>,
    /// When the next frame may pass.
    due: Duration,
}

impl Pace {
    pub(super) fn new(rate_max: Option<f64>, by_arrival: bool) -> Self {
        let interval = rate_max.and_then(|rate| Duration::try_from_secs_f64(rate.recip()).ok());
        Self { interval, by_arrival, ..Self::default() }
    }

    /// The time of a frame that has just come; none where it comes too soon.
    pub(super) fn admit(&mut self, own: Duration) -> Option<Duration> {
        let time = if self.by_arrival { self.first.get_or_insert_with(Instant::now).elapsed() } else { own };
        self.admit_at(time).then_some(time)
    }

    fn admit_at(&mut self, time: Duration) -> bool {
        let Some(interval) = self.interval else { return true };
        if time + interval.mul_f64(SPARE) < self.due {
            return false;
        }
        // From when it was due, so that what is early now and late then comes out even.
        self.due = (self.due + interval).max(time + interval / 2);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_uneven_source_is_held_to_the_rate() {
        let mut pace = Pace::new(Some(5.0), false);
        let jitter = [0, 12, -9, 5, -12, 8, 0];
        let times =
            (0..100_i64).map(|index| Duration::from_millis((20 + index * 100 + jitter[index as usize % 7]) as u64));
        let passed = times.filter(|time| pace.admit(*time).is_some()).count();
        assert!((49..=51).contains(&passed), "{passed}");
    }

    #[test]
    fn what_has_no_rate_passes_with_its_own_times() {
        let mut pace = Pace::default();
        assert_eq!(pace.admit(Duration::from_secs(7)), Some(Duration::from_secs(7)));
        assert!(Pace::new(None, true).admit(Duration::from_secs(7)).unwrap() < Duration::from_secs(7));
    }
}
