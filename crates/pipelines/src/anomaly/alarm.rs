//! Whether one person's movement is told as unusual: hysteresis, and a least duration both ways.

use super::AnomalyOptions;
use std::time::Duration;

/// Where one person stands between usual and unusual.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) enum Alarm {
    /// Nothing is told.
    #[default]
    Quiet,
    /// The score is up, not yet for long enough to be told.
    Rising {
        /// When it went up.
        since: Duration,
        /// The highest since then.
        peak: f32,
    },
    /// It is told.
    Told(Told),
}

/// An anomaly that is told at present, or was until now.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Told {
    /// When the score went up.
    pub(super) since: Duration,
    /// The highest since then.
    pub(super) peak: f32,
    /// When it was told last.
    told_at: Duration,
    /// When the score went down, where it is down.
    down_since: Option<Duration>,
}

/// What is to be told.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Change {
    /// It begins.
    Started(Told),
    /// It goes on.
    Updated(Told),
    /// It is over.
    Ended(Told),
}

impl Alarm {
    /// Takes the score of the moment `at`, on a clock that does not go back. A score that does not count is minus infinity.
    pub(super) fn step(&mut self, at: Duration, score: f32, options: &AnomalyOptions) -> Option<Change> {
        if *self == Self::Quiet && score >= options.score_start {
            *self = Self::Rising { since: at, peak: score };
        }
        match self {
            Self::Quiet => None,
            Self::Rising { .. } if score < options.score_start => {
                *self = Self::Quiet;
                None
            }
            Self::Rising { since, peak } => {
                let peak = peak.max(score);
                let told = Told { since: *since, peak, told_at: at, down_since: None };
                let long_enough = at.saturating_sub(*since) >= options.duration_min;
                *self = if long_enough { Self::Told(told) } else { Self::Rising { since: *since, peak } };
                long_enough.then_some(Change::Started(told))
            }
            Self::Told(told) => {
                let change = told.step(at, score, options);
                if matches!(change, Some(Change::Ended(_))) {
                    *self = Self::Quiet;
                }
                change
            }
        }
    }

    /// The anomaly that is told at present.
    pub(super) const fn told(&self) -> Option<&Told> {
        match self {
            Self::Told(told) => Some(told),
            _ => None,
        }
    }
}

impl Told {
    fn step(&mut self, at: Duration, score: f32, options: &AnomalyOptions) -> Option<Change> {
        self.peak = self.peak.max(score);
        self.down_since = (score < options.score_end).then(|| self.down_since.unwrap_or(at));
        if self.down_since.is_some_and(|down| at.saturating_sub(down) >= options.duration_min) {
            return Some(Change::Ended(*self));
        }
        let due = at.saturating_sub(self.told_at) >= options.update_every;
        due.then(|| {
            self.told_at = at;
            Change::Updated(*self)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Up at 3, down below 1.5, told after 300 ms, updated every second; scores every 100 ms.
    fn told(scores: &[f32]) -> Vec<(usize, &'static str)> {
        let options = AnomalyOptions {
            score_start: 3.0,
            score_end: 1.5,
            duration_min: Duration::from_millis(300),
            update_every: Duration::from_secs(1),
            ..AnomalyOptions::default()
        };
        let mut alarm = Alarm::default();
        let step = |(index, &score): (usize, &f32)| {
            let change = alarm.step(Duration::from_millis(index as u64 * 100), score, &options)?;
            Some((
                index,
                match change {
                    Change::Started(_) => "started",
                    Change::Updated(_) => "updated",
                    Change::Ended(_) => "ended",
                },
            ))
        };
        scores.iter().enumerate().filter_map(step).collect()
    }

    fn runs(runs: &[(f32, usize)]) -> Vec<f32> {
        runs.iter().flat_map(|&(score, count)| std::iter::repeat_n(score, count)).collect()
    }

    #[test]
    fn it_begins_and_ends_when_the_score_has_stayed_for_long_enough() {
        assert_eq!(told(&runs(&[(0.0, 2), (3.0, 5), (1.0, 5)])), [(5, "started"), (10, "ended")]);
    }

    #[test]
    fn what_is_short_is_not_told() {
        assert_eq!(told(&runs(&[(9.0, 3), (2.0, 1), (9.0, 3), (0.0, 9)])), []);
        let dip = runs(&[(9.0, 4), (1.0, 3), (2.0, 1), (1.0, 3), (2.0, 1)]);
        assert_eq!(told(&dip), [(3, "started")], "it does not end in a short dip either");
    }

    #[test]
    fn between_the_two_thresholds_nothing_changes() {
        assert_eq!(told(&runs(&[(2.9, 9)])), []);
        assert_eq!(told(&runs(&[(3.0, 4), (1.5, 9)])), [(3, "started")]);
    }

    #[test]
    fn what_goes_on_is_told_again() {
        assert_eq!(told(&runs(&[(3.0, 25)])), [(3, "started"), (13, "updated"), (23, "updated")]);
    }

    #[test]
    fn it_knows_since_when_and_how_high() {
        let options = AnomalyOptions { duration_min: Duration::from_millis(100), ..AnomalyOptions::default() };
        let mut alarm = Alarm::default();
        assert_eq!(alarm.step(Duration::from_millis(500), 7.0, &options), None);
        let Some(Change::Started(told)) = alarm.step(Duration::from_millis(600), 5.0, &options) else {
            unreachable!("it was up for long enough")
        };
        assert_eq!((told.since, told.peak), (Duration::from_millis(500), 7.0));
        assert_eq!(alarm.told(), Some(&told));
    }

    #[test]
    fn without_a_least_duration_it_is_told_at_once() {
        let options = AnomalyOptions { duration_min: Duration::ZERO, ..AnomalyOptions::default() };
        let mut alarm = Alarm::default();
        assert!(matches!(alarm.step(Duration::ZERO, 9.0, &options), Some(Change::Started(_))));
        assert!(matches!(alarm.step(Duration::ZERO, 0.0, &options), Some(Change::Ended(_))));
    }
}
