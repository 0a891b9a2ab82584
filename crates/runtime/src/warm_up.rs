//! Warm-up: representative runs of every shape a model will be asked for, until the latency has settled.

use crate::drift::SettledRun;
use crate::generation::Generation;
use crate::{Clock, InputRow, OutputRow, RowShapes, Scratch, TaskError, WarmUpRow};
use samovar_engine_api::Runner;
use std::time::Duration;

/// What the warm-up of one runner took, or of those of all slots.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct WarmUpFigures {
    pub(crate) runs: u32,
    /// The very first run.
    pub(crate) first: Duration,
    /// What each lane and batch size settled at, the commonest first.
    pub(crate) settled: Vec<SettledRun>,
}

impl WarmUpFigures {
    /// Takes another slot's figures in: runs add up, of the times the longer one counts.
    pub(crate) fn merge(&mut self, slot: Self) {
        self.runs += slot.runs;
        self.first = self.first.max(slot.first);
        if self.settled.is_empty() {
            self.settled = slot.settled;
            return;
        }
        for (ours, theirs) in self.settled.iter_mut().zip(slot.settled) {
            ours.run = ours.run.max(theirs.run);
        }
    }

    /// What the commonest lane settled at with one row.
    pub(crate) fn settled_run(&self) -> Duration {
        self.settled.first().map_or(Duration::ZERO, |first| first.run)
    }
}

/// A warm-up in progress, one run at a time, so that a slot can serve between the runs.
pub(crate) struct WarmUp {
    /// Lanes and batch sizes still to do, the commonest first.
    steps: std::vec::IntoIter<(RowShapes, usize)>,
    current: Option<Step>,
    figures: WarmUpFigures,
    /// What all runs so far took together, and the most that they may before what is left is left out.
    spent: Duration,
    limit: Duration,
}

struct Step {
    lane: RowShapes,
    rows: usize,
    work: Box<dyn WarmUpRow>,
    settle: Settle,
}

impl WarmUp {
    pub(crate) fn new(generation: &Generation) -> Self {
        let mut steps = Vec::new();
        for lane in generation.family.lanes() {
            let sizes = batch_sizes(generation.batch_rule(&lane).size_max);
            steps.extend(sizes.into_iter().map(|rows| (lane.clone(), rows)));
        }
        let limit = generation.family.warm_up_limit().unwrap_or(Duration::MAX);
        Self {
            steps: steps.into_iter(),
            current: None,
            figures: WarmUpFigures::default(),
            spent: Duration::ZERO,
            limit,
        }
    }

    /// Makes one run. Gives the figures after the last one.
    pub(crate) fn step(
        &mut self,
        generation: &Generation,
        runner: &mut dyn Runner,
        scratch: &mut Scratch,
        clock: &Clock,
    ) -> Result<Option<WarmUpFigures>, TaskError> {
        let Some(mut step) = self.current.take().or_else(|| self.begin(generation)) else {
            return Ok(Some(std::mem::take(&mut self.figures)));
        };
        let took = step.run(runner, scratch, clock)?;
        if self.figures.runs == 0 {
            generation.verify(runner)?;
            self.figures.first = took;
        }
        self.figures.runs += 1;
        self.spent += took;
        match step.settle.settled() {
            None => self.current = Some(step),
            Some(run) => self.figures.settled.push(SettledRun { lane: step.lane, rows: step.rows, run }),
        }
        let through = self.current.is_none() && (self.steps.len() == 0 || self.spent >= self.limit);
        Ok(through.then(|| std::mem::take(&mut self.figures)))
    }

    fn begin(&mut self, generation: &Generation) -> Option<Step> {
        let (lane, rows) = self.steps.next()?;
        let settle = if self.figures.settled.is_empty() { Settle::of_first() } else { Settle::of_further() };
        let planned = generation.record().filter(|plan| self.figures.settled.is_empty() && plan.batch == rows);
        Some(Step::new(generation, lane, rows, settle.expecting(planned.map(|plan| plan.latency))))
    }
}

/// One run of one row, for a runner that takes a lost one's place, so that no request pays for its first run. The shape is that of
/// the work at hand where the family names it, else the commonest. A family without shapes has nothing to warm up with.
pub(crate) fn warm_once(
    generation: &Generation,
    shapes: &RowShapes,
    runner: &mut dyn Runner,
    scratch: &mut Scratch,
    clock: &Clock,
) -> Result<(), TaskError> {
    let lanes = generation.family.lanes();
    match lanes.iter().find(|lane| *lane == shapes).or(lanes.first()) {
        Some(lane) => {
            Step::new(generation, lane.clone(), 1, Settle::of_further()).run(runner, scratch, clock).map(drop)
        }
        None => Ok(()),
    }
}

impl Step {
    fn new(generation: &Generation, lane: RowShapes, rows: usize, settle: Settle) -> Self {
        let work = generation.family.warm_up(&lane);
        Self { lane, rows, work, settle }
    }

    /// Makes one run and tells the engine's own time.
    fn run(&mut self, runner: &mut dyn Runner, scratch: &mut Scratch, clock: &Clock) -> Result<Duration, TaskError> {
        run_rows(runner, &self.lane, self.rows, |row| self.work.write(row, scratch))?;
        let began = clock.now();
        runner.run()?;
        let took = clock.since(began);
        let batched = self.lane.batched();
        (0..self.rows).try_for_each(|index| self.work.read(&OutputRow { runner, index, batched }, scratch))?;
        self.settle.add(took);
        Ok(took)
    }
}

/// Writes `rows` rows of `lane` into the runner's inputs.
pub(crate) fn run_rows(
    runner: &mut dyn Runner,
    lane: &RowShapes,
    rows: usize,
    mut write: impl FnMut(&mut InputRow<'_>) -> Result<(), TaskError>,
) -> Result<(), TaskError> {
    (0..rows).try_for_each(|index| write(&mut InputRow { runner, shapes: lane, rows, index }))
}

/// 1, 2, 4 … and the largest: engines that compile per size are ready for the sizes that come most.
fn batch_sizes(size_max: usize) -> Vec<usize> {
    let largest = size_max.max(1);
    let doubling = std::iter::successors(Some(1_usize), |size| size.checked_mul(2));
    doubling.take_while(|&size| size < largest).chain(std::iter::once(largest)).collect()
}

/// Watches latencies until they stop falling.
#[derive(Clone, Debug)]
struct Settle {
    /// Every run so far; at most [`Settle::RUNS_MAX`].
    runs: Vec<Duration>,
    best: Duration,
    /// Runs in a row that were close to the best.
    near: usize,
    /// Runs in a row that must be.
    near_wanted: usize,
    /// What a run takes by the plan; none without one.
    expected: Option<Duration>,
}

impl Settle {
    /// After so many runs a latency that still moves is taken as it is: a busy machine must not keep a model from serving.
    const RUNS_MAX: usize = 16;

    /// The first lane: pages, caches and threads come into play with it, so three runs must be close to each other.
    const fn of_first() -> Self {
        Self::near(2)
    }

    /// A further lane or batch size finds all that warm. What is left is what the engine prepares for the shape, which is over after
    /// one run: two runs that are close to each other tell that it is.
    const fn of_further() -> Self {
        Self::near(1)
    }

    const fn near(near_wanted: usize) -> Self {
        Self { runs: Vec::new(), best: Duration::MAX, near: 0, near_wanted, expected: None }
    }

    /// The same where a plan tells what a run takes once it has settled: a second run that is as quick needs no further one to show it.
    fn expecting(self, expected: Option<Duration>) -> Self {
        Self { expected, ..self }
    }

    fn as_expected(&self) -> Option<Duration> {
        let last = *self.runs.last().filter(|_| self.runs.len() > 1)?;
        self.expected.filter(|expected| last <= expected.mul_f64(1.15)).map(|_| last)
    }

    fn add(&mut self, latency: Duration) {
        let close = !self.runs.is_empty() && latency <= self.best.mul_f64(1.15) && latency >= self.best.mul_f64(0.85);
        self.near = if close { self.near + 1 } else { 0 };
        self.best = self.best.min(latency);
        self.runs.push(latency);
    }

    /// The median of the runs that settled; where none did, of the second half.
    fn settled(&self) -> Option<Duration> {
        if let Some(run) = self.as_expected() {
            return Some(run);
        }
        let settled = self.near >= self.near_wanted;
        if !settled && self.runs.len() < Self::RUNS_MAX {
            return None;
        }
        let count = if settled { self.near_wanted + 1 } else { self.runs.len() / 2 };
        let mut last = self.runs[self.runs.len() - count..].to_vec();
        last.sort_unstable();
        Some(last[count / 2])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(mut settle: Settle, latencies_ms: &[u64]) -> Option<u64> {
        latencies_ms.iter().for_each(|&ms| settle.add(Duration::from_millis(ms)));
        settle.settled().map(|run| run.as_millis() as u64)
    }

    #[test]
    fn a_falling_latency_has_not_settled() {
        let first = |latencies_ms| settled(Settle::of_first(), latencies_ms);
        assert_eq!(first(&[88]), None);
        assert_eq!(first(&[88, 60, 46]), None);
        assert_eq!(first(&[88, 46, 44, 45]), Some(45));
    }

    #[test]
    fn a_run_as_quick_as_the_plan_says_needs_no_other_to_show_it() {
        let planned =
            |latencies_ms| settled(Settle::of_first().expecting(Some(Duration::from_millis(40))), latencies_ms);
        assert_eq!(planned(&[41]), None, "the first run tells nothing yet");
        assert_eq!(planned(&[88, 42]), Some(42));
        assert_eq!(planned(&[88, 60]), None);
        assert_eq!(planned(&[88, 60, 60, 61]), Some(60), "a machine that is slower than when the plan was made");
    }

    #[test]
    fn a_further_shape_settles_with_its_second_run_or_the_one_after_its_preparation() {
        let further = |latencies_ms| settled(Settle::of_further(), latencies_ms);
        assert_eq!(further(&[88]), None);
        assert_eq!(further(&[30, 31]), Some(31));
        assert_eq!(further(&[88, 46]), None, "the first run prepared the shape");
        assert_eq!(further(&[88, 46, 45]), Some(46));
    }

    #[test]
    fn a_latency_that_never_settles_is_taken_in_the_end() {
        let restless: Vec<u64> = (0..16).map(|i| 10 + 40 * (i % 2)).collect();
        assert_eq!(settled(Settle::of_first(), &restless[..15]), None);
        assert_eq!(settled(Settle::of_first(), &restless), Some(50));
    }

    #[test]
    fn slots_add_their_runs_and_the_slowest_is_told() {
        let lane = RowShapes::new(Vec::new());
        let slot = |run_ms, first_ms| WarmUpFigures {
            runs: 3,
            first: Duration::from_millis(first_ms),
            settled: vec![SettledRun { lane: lane.clone(), rows: 1, run: Duration::from_millis(run_ms) }],
        };
        let mut all = WarmUpFigures::default();
        [slot(10, 40), slot(12, 30)].into_iter().for_each(|slot| all.merge(slot));
        let ms = Duration::from_millis;
        assert_eq!((all.runs, all.first, all.settled_run(), all.settled.len()), (6, ms(40), ms(12), 1));
    }

    #[test]
    fn batch_sizes_double_up_to_the_largest() {
        assert_eq!(batch_sizes(0), [1]);
        assert_eq!(batch_sizes(1), [1]);
        assert_eq!(batch_sizes(6), [1, 2, 4, 6]);
        assert_eq!(batch_sizes(8), [1, 2, 4, 8]);
    }
}
