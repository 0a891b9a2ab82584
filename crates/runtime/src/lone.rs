//! Whether a run of one row that finds the device idle takes all of its cores: measured when a model is warmed, for each shape.
//!
//! A short run on several threads is sooner done and costs more of the machine, for its threads wait for each other. So it is made only
//! where nothing else runs or waits, and only where it was found to be quicker by more than what is noise.

use crate::generation::Generation;
use crate::warm_up::run_rows;
use crate::{Clock, OutputRow, RowShapes, Scratch, TaskError};
use samovar_engine_api::Runner;
use std::time::Duration;

/// What was found for rows of some work, ascending by it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LoneChoice(Vec<(usize, bool)>);

/// Runs of each kind; the first of them prepares the shape and does not count.
const RUNS: usize = 4;
/// How much quicker it must be.
const QUICKER_BY: f64 = 1.15;

impl LoneChoice {
    /// Measures every shape that the family names, on a runner that nobody else uses, with all cores in hand.
    ///
    /// # Errors
    /// Those of the runs.
    pub(crate) fn measure(
        generation: &Generation,
        runner: &mut dyn Runner,
        scratch: &mut Scratch,
        clock: &Clock,
    ) -> Result<Self, TaskError> {
        let mut found = Vec::new();
        for lane in generation.family.lone_lanes() {
            let (mut narrow, mut wide) = (Duration::MAX, Duration::MAX);
            for run in 0..RUNS {
                let (one, all) = trial(generation, &lane, runner, scratch, clock)?;
                if run > 0 {
                    (narrow, wide) = (narrow.min(one), wide.min(all));
                }
            }
            found.push((generation.family.weight(&lane), pays(narrow, wide)));
        }
        Ok(Self::of(found))
    }

    fn of(mut found: Vec<(usize, bool)>) -> Self {
        found.sort_unstable_by_key(|(weight, _)| *weight);
        Self(found)
    }

    /// Whether a row of so much work takes all cores: as the next larger one that was measured, else as the largest.
    pub(crate) fn is_wide(&self, weight: usize) -> bool {
        let at = self.0.partition_point(|(measured, _)| *measured < weight);
        self.0.get(at).or(self.0.last()).is_some_and(|(_, wide)| *wide)
    }
}

/// The two runs of one row, one after the other, so that what disturbs one is likely to disturb both.
fn trial(
    generation: &Generation,
    lane: &RowShapes,
    runner: &mut dyn Runner,
    scratch: &mut Scratch,
    clock: &Clock,
) -> Result<(Duration, Duration), TaskError> {
    let mut work = generation.family.warm_up(lane);
    let mut took = [Duration::ZERO; 2];
    for (took, wide) in took.iter_mut().zip([false, true]) {
        run_rows(runner, lane, 1, |row| work.write(row, scratch))?;
        let began = clock.now();
        if wide {
            runner.run_alone()?;
        } else {
            runner.run()?;
        }
        *took = clock.since(began);
        work.read(&OutputRow { runner, index: 0, batched: lane.batched() }, scratch)?;
    }
    Ok((took[0], took[1]))
}

fn pays(narrow: Duration, wide: Duration) -> bool {
    wide.mul_f64(QUICKER_BY) < narrow
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_goes_as_the_next_larger_one_that_was_measured() {
        let choice = LoneChoice::of(vec![(32, true), (8, false), (16, true), (128, false)]);
        let chosen = [1, 8, 9, 32, 33, 1000].map(|weight| choice.is_wide(weight));
        assert_eq!(chosen, [false, false, true, true, false, false]);
        assert!(!LoneChoice::default().is_wide(8), "nothing was measured");
    }

    #[test]
    fn what_is_hardly_quicker_does_not_pay() {
        let ms = Duration::from_millis;
        assert!(pays(ms(20), ms(12)));
        assert!(!pays(ms(20), ms(18)));
        assert!(!pays(ms(20), ms(30)));
    }
}
