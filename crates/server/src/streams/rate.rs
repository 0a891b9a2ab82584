//! How often something happens in a second, lately. Time is an argument.

use std::time::Duration;

/// Counts by the second over the last ten full ones.
#[derive(Clone, Debug, Default)]
pub(super) struct Rate {
    counts: [u32; PLACES],
    /// The second that was last counted in.
    second: u64,
}

/// Full seconds that are looked at.
const WINDOW_S: u64 = 10;
/// One more for the second that is not over yet.
const PLACES: usize = WINDOW_S as usize + 1;

impl Rate {
    /// It happened, so long after the beginning.
    pub(super) fn add(&mut self, at: Duration) {
        self.add_many(at, 1);
    }

    /// It happened so often.
    pub(super) fn add_many(&mut self, at: Duration, times: u64) {
        self.advance(at.as_secs());
        let count = &mut self.counts[place(self.second)];
        *count = count.saturating_add(u32::try_from(times).unwrap_or(u32::MAX));
    }

    /// How often in a second. Within the first second after the beginning: how often so far.
    pub(super) fn per_s(&mut self, at: Duration) -> f64 {
        self.advance(at.as_secs());
        if self.second == 0 {
            return f64::from(self.counts[0]);
        }
        let seconds = self.second.min(WINDOW_S);
        let sum: u64 = (self.second - seconds..self.second).map(|second| u64::from(self.counts[place(second)])).sum();
        sum as f64 / seconds as f64
    }

    /// Forgets what has left the window.
    fn advance(&mut self, second: u64) {
        let passed = second.saturating_sub(self.second).min(PLACES as u64);
        for empty in 1..=passed {
            self.counts[place(second - passed + empty)] = 0;
        }
        self.second = self.second.max(second);
    }
}

const fn place(second: u64) -> usize {
    (second % PLACES as u64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_at_once_are_as_many_one_by_one() {
        let (mut one, mut many) = (Rate::default(), Rate::default());
        for second in 0..5 {
            (0..7).for_each(|_| one.add(Duration::from_secs(second)));
            many.add_many(Duration::from_secs(second), 7);
        }
        assert_eq!(one.per_s(Duration::from_secs(5)), 7.0);
        assert_eq!(many.per_s(Duration::from_secs(5)), 7.0);
    }

    #[test]
    fn a_steady_rate_is_told_and_an_old_one_forgotten() {
        let mut rate = Rate::default();
        for frame in 0..300 {
            rate.add(Duration::from_millis(frame * 100));
        }
        let per_s = |rate: &mut Rate, second| rate.per_s(Duration::from_secs(second));
        assert_eq!(per_s(&mut rate, 30), 10.0);
        assert_eq!(per_s(&mut rate, 35), 5.0, "silent for half of the window");
        assert_eq!(per_s(&mut rate, 40), 0.0);
        assert_eq!(per_s(&mut rate, 4_000_000), 0.0);
    }

    #[test]
    fn the_beginning_is_not_held_against_a_stream() {
        let mut rate = Rate::default();
        for frame in 0..25 {
            rate.add(Duration::from_millis(frame * 100));
        }
        assert_eq!(rate.per_s(Duration::from_millis(2_500)), 10.0, "two full seconds");
        let mut young = Rate::default();
        young.add(Duration::ZERO);
        assert_eq!(young.per_s(Duration::from_millis(10)), 1.0);
    }
}
