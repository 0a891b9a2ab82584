//! The score of one person, smoothed along time with what is known so far.

use std::collections::VecDeque;
use std::time::Duration;

/// The causal half of the Gaussian that the paper smooths with: the newest score weighs most, one that is older than the span nothing.
///
/// The end matters: scores of a flow have no upper bound, and an average that forgets exponentially would keep a person unusual for as
/// long as the logarithm of one absurd window takes to decay. Here a score is gone after the span, whatever it was. Weights are by time
/// and not by count, so that a stream that drops frames is smoothed like one that does not.
#[derive(Clone, Debug, Default)]
pub(super) struct RunningScore {
    /// (when, what), oldest first. Bounded by [`SCORES_MAX`].
    scores: VecDeque<(Duration, f32)>,
}

/// Scores that are remembered at most; of a span that holds more the newest count.
const SCORES_MAX: usize = 64;

impl RunningScore {
    /// Takes the score of the moment `at`; gives the smoothed one. `at` rises.
    pub(super) fn add(&mut self, at: Duration, score: f32, span: Duration) -> f32 {
        while self.scores.front().is_some_and(|(then, _)| at.saturating_sub(*then) > span)
            || self.scores.len() >= SCORES_MAX
        {
            self.scores.pop_front();
        }
        self.scores.push_back((at, score));
        self.smoothed(at, span)
    }

    fn smoothed(&self, at: Duration, span: Duration) -> f32 {
        let sigma = (span.as_secs_f64() / 2.0).max(f64::MIN_POSITIVE);
        let weight = |then: Duration| (-(at.saturating_sub(then).as_secs_f64() / sigma).powi(2) / 2.0).exp();
        let (sum, weights) = self.scores.iter().fold((0.0, 0.0), |(sum, weights), &(then, score)| {
            (sum + weight(then) * f64::from(score), weights + weight(then))
        });
        (sum / weights) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPAN: Duration = Duration::from_millis(500);

    fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[test]
    fn the_first_score_is_itself_and_what_does_not_change_stays() {
        let mut score = RunningScore::default();
        (0..40).for_each(|frame| assert!((score.add(ms(frame * 83), 2.5, SPAN) - 2.5).abs() < 1e-6));
    }

    #[test]
    fn an_absurd_score_is_gone_after_the_span() {
        let mut score = RunningScore::default();
        score.add(ms(0), 1e6, SPAN);
        assert!(score.add(ms(400), 1.0, SPAN) > 1_000.0);
        assert_eq!(score.add(ms(901), 1.0, SPAN), 1.0);
    }

    #[test]
    fn without_a_span_nothing_is_smoothed() {
        let mut score = RunningScore::default();
        score.add(ms(0), 9.0, Duration::ZERO);
        assert_eq!(score.add(ms(1), 2.0, Duration::ZERO), 2.0);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut score = RunningScore::default();
        for frame in 0..1_000 {
            score.add(ms(frame), 1.0, Duration::from_secs(10));
        }
        assert_eq!(score.scores.len(), SCORES_MAX);
    }
}
