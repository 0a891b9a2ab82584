//! Two ways that make bursts in turns: both meet the same noise, so that what differs is theirs.

use super::Figures;
use super::bursts::{Burst, Bursts};
use super::choice::{choose, score};
use crate::Optimize;

/// The bursts that a challenger and the best way so far made in turns; as many of one as of the other.
#[derive(Default)]
pub(crate) struct Duel {
    pub(crate) champion: Bursts,
    pub(crate) challenger: Bursts,
}

/// Rounds after which a duel that went one way in all of them is over.
pub(crate) const ROUNDS_MIN: usize = 3;
/// Rounds after which any duel is over.
pub(crate) const ROUNDS_MAX: usize = 12;
/// A challenger that gives less than this share of the best way has lost after one round, and after two.
const HOPELESS: [f64; 2] = [0.4, 0.7];

impl Duel {
    /// Whether nothing more is to be learned.
    pub(crate) fn is_over(&self, optimize: Optimize) -> bool {
        let rounds = self.challenger.len();
        if rounds >= ROUNDS_MAX || self.is_hopeless(optimize) {
            return true;
        }
        rounds >= ROUNDS_MIN && self.wins(optimize) == if self.is_won(optimize) { rounds } else { 0 }
    }

    /// Whether the challenger is better by more than noise: in what each gave at its best, and in two of three rounds. A few lucky
    /// moments on a busy machine are not enough for another way than the simpler one.
    pub(crate) fn is_won(&self, optimize: Optimize) -> bool {
        let (Some(champion), Some(challenger)) = (self.champion.best(), self.challenger.best()) else { return false };
        let rounds = self.challenger.len();
        let often = rounds >= ROUNDS_MIN && self.wins(optimize) * 3 >= rounds * 2;
        often && is_better(optimize, champion, challenger)
    }

    /// Rounds in which the challenger was better.
    fn wins(&self, optimize: Optimize) -> usize {
        self.rounds().filter(|(champion, challenger)| is_better(optimize, *champion, *challenger)).count()
    }

    fn is_hopeless(&self, optimize: Optimize) -> bool {
        let best = |bursts: &Bursts| bursts.best().map(|best| score(optimize, &best.into()));
        let (Some(champion), Some(challenger)) = (best(&self.champion), best(&self.challenger)) else { return false };
        let least = HOPELESS.get(self.challenger.len() - 1);
        least.is_some_and(|least| challenger < champion * least)
    }

    fn rounds(&self) -> impl Iterator<Item = (Burst, Burst)> {
        self.champion.iter().copied().zip(self.challenger.iter().copied())
    }
}

/// Whether `challenger` is to be taken instead of the simpler `champion`.
pub(crate) fn is_better(optimize: Optimize, champion: Burst, challenger: Burst) -> bool {
    let figures: [Figures; 2] = [champion.into(), challenger.into()];
    choose(optimize, &figures) == Some(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// Rounds of rows a second: the champion's and the challenger's.
    fn duel(rounds: &[(f64, f64)]) -> Duel {
        let burst = |rows_per_s: f64| Burst { rows_per_s, latency: Duration::from_secs_f64(1.0 / rows_per_s) };
        let mut duel = Duel::default();
        for &(champion, challenger) in rounds {
            duel.champion.push(burst(champion));
            duel.challenger.push(burst(challenger));
        }
        duel
    }

    fn outcome(rounds: &[(f64, f64)]) -> (bool, bool) {
        let duel = duel(rounds);
        let [over, won] = [Duel::is_over, Duel::is_won].map(|ask| ask(&duel, Optimize::Throughput));
        assert_eq!((over, won), (duel.is_over(Optimize::Latency), duel.is_won(Optimize::Latency)));
        (over, won)
    }

    #[test]
    fn what_is_clear_is_over_soon() {
        assert_eq!(outcome(&[(100.0, 39.0)]), (true, false), "hopeless");
        assert_eq!(outcome(&[(100.0, 60.0)]), (false, false));
        assert_eq!(outcome(&[(100.0, 60.0), (100.0, 69.0)]), (true, false));
        assert_eq!(outcome(&[(100.0, 130.0); 2]), (false, false), "too few to say");
        assert_eq!(outcome(&[(100.0, 130.0); 3]), (true, true));
        assert_eq!(outcome(&[(100.0, 104.0); 3]), (true, false), "that is noise");
    }

    #[test]
    fn a_noisy_moment_asks_for_more_rounds_and_does_not_decide() {
        // The machine is three times slower in most bursts, and more often in those of the better way.
        let mut rounds = vec![(60.0, 26.0), (20.0, 26.0), (60.0, 77.0), (20.0, 26.0), (60.0, 26.0), (20.0, 76.0)];
        assert_eq!(outcome(&rounds), (false, true));
        rounds.extend(rounds.clone());
        assert_eq!(rounds.len(), ROUNDS_MAX);
        assert_eq!(outcome(&rounds), (true, true));
        let reversed: Vec<_> = rounds.iter().map(|&(champion, challenger)| (challenger, champion)).collect();
        assert_eq!(outcome(&reversed), (true, false));
    }
}
