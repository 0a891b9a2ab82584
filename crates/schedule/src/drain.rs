//! How fast a class is being worked through, and so when a refused caller should come again.

use std::time::Duration;

use crate::Moment;

/// A moving average of the time between two starts, taken only while work was waiting throughout.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct DrainRate {
    /// The last start after which the class still had work waiting.
    busy_since: Option<Moment>,
    row_time: Option<Duration>,
}

/// The weight of a new sample is one in this many.
const SMOOTHING: u32 = 8;
/// What is told before anything was measured.
const UNKNOWN: Duration = Duration::from_secs(1);

impl DrainRate {
    /// Notes that `rows` started at `now` and whether more of the class still waits.
    pub(crate) fn started(&mut self, now: Moment, rows: usize, more_waits: bool) {
        if let (Some(since), Ok(rows @ 1..)) = (self.busy_since, u32::try_from(rows)) {
            let sample = now.saturating_since(since) / rows;
            self.row_time = Some(match self.row_time {
                Some(mean) => (mean * (SMOOTHING - 1) + sample) / SMOOTHING,
                None => sample,
            });
        }
        self.busy_since = more_waits.then_some(now);
    }

    /// Notes that the class ran empty without a start: the time until the next one says nothing about speed.
    pub(crate) fn emptied(&mut self) {
        self.busy_since = None;
    }

    /// How long `waiting` rows will take, no longer than `cap`.
    pub(crate) fn time_for(&self, waiting: usize, cap: Duration) -> Duration {
        let rows = u32::try_from(waiting).unwrap_or(u32::MAX);
        let time = self.row_time.map_or(UNKNOWN, |row| row.saturating_mul(rows));
        time.min(cap)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAP: Duration = Duration::from_secs(30);

    fn at(ms: u64) -> Moment {
        Moment::from_duration(Duration::from_millis(ms))
    }

    #[test]
    fn follows_the_measured_rate() {
        let mut rate = DrainRate::default();
        assert_eq!(rate.time_for(100, CAP), UNKNOWN);
        for start in 0..50 {
            rate.started(at(start * 40), 4, true);
        }
        assert_eq!(rate.time_for(100, CAP), Duration::from_secs(1), "10 ms a row");
        assert_eq!(rate.time_for(1_000_000, CAP), CAP);
    }

    #[test]
    fn idle_time_is_no_sample() {
        let mut rate = DrainRate::default();
        rate.started(at(0), 1, true);
        rate.started(at(10), 1, false);
        rate.started(at(90_000), 1, true);
        rate.emptied();
        rate.started(at(990_000), 1, true);
        assert_eq!(rate.time_for(10, CAP), Duration::from_millis(100));
    }
}
