//! Warm-up: representative runs of every shape a model will be asked for, until the latency has settled.

use crate::generation::Generation;
use crate::{Clock, InputRow, OutputRow, RowShapes, Scratch, TaskError, WarmUpRow};
use samovar_engine_api::Runner;
use std::time::Duration;

/// What the warm-up of one runner took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct WarmUpFigures {
    pub(crate) runs: u32,
    /// The very first run.
    pub(crate) first: Duration,
    /// The run that the first lane's latency settled at.
    pub(crate) settled: Duration,
}

/// A warm-up in progress, one run at a time, so that a slot can serve between the runs.
pub(crate) struct WarmUp {
    /// Lanes and batch sizes still to do, the commonest first.
    steps: std::vec::IntoIter<(RowShapes, usize)>,
    current: Option<Step>,
    figures: WarmUpFigures,
}

struct Step {
    lane: RowShapes,
    rows: usize,
    work: Box<dyn WarmUpRow>,
    settle: Settle,
}

impl WarmUp {
    pub(crate) fn new(generation: &Generation) -> Self {
        let sizes = batch_sizes(generation.batch.size_max);
        let mut steps = Vec::new();
        for lane in generation.family.lanes() {
            let most = if lane.batched() { sizes.len() } else { 1 };
            steps.extend(sizes.iter().take(most).map(|&rows| (lane.clone(), rows)));
        }
        Self { steps: steps.into_iter(), current: None, figures: WarmUpFigures::default() }
    }

    /// Makes one run. Gives the figures after the last one.
    pub(crate) fn step(
        &mut self,
        generation: &Generation,
        runner: &mut dyn Runner,
        scratch: &mut Scratch,
        clock: &Clock,
    ) -> Result<Option<WarmUpFigures>, TaskError> {
        let Some(step) = self.current.take().or_else(|| self.begin(generation)) else { return Ok(Some(self.figures)) };
        let (step, took) = step.run(runner, scratch, clock)?;
        self.figures.runs += 1;
        if self.figures.first.is_zero() {
            self.figures.first = took;
        }
        match step.settle.settled() {
            None => self.current = Some(step),
            Some(latency) if self.figures.settled.is_zero() => self.figures.settled = latency,
            Some(_) => {}
        }
        let through = self.current.is_none() && self.steps.len() == 0;
        Ok(through.then_some(self.figures))
    }

    fn begin(&mut self, generation: &Generation) -> Option<Step> {
        let (lane, rows) = self.steps.next()?;
        let work = generation.family.warm_up(&lane);
        Some(Step { lane, rows, work, settle: Settle::default() })
    }
}

impl Step {
    fn run(
        mut self,
        runner: &mut dyn Runner,
        scratch: &mut Scratch,
        clock: &Clock,
    ) -> Result<(Self, Duration), TaskError> {
        run_rows(runner, &self.lane, self.rows, |row| self.work.write(row, scratch))?;
        let started = clock.now();
        runner.run()?;
        let took = clock.since(started);
        for index in 0..self.rows {
            self.work.read(&OutputRow { runner, index, batched: self.lane.batched() }, scratch)?;
        }
        self.settle.add(took);
        Ok((self, took))
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
#[derive(Clone, Copy, Debug, Default)]
struct Settle {
    runs: u32,
    best: Duration,
    /// Runs in a row that were close to the best.
    near: u32,
}

impl Settle {
    /// After so many runs a latency that still moves is taken as it is: a busy machine must not keep a model from serving.
    const RUNS_MAX: u32 = 16;
    /// Runs in a row that must be close to the best.
    const NEAR: u32 = 2;

    fn add(&mut self, latency: Duration) {
        self.runs += 1;
        if self.runs == 1 {
            self.best = latency;
            return;
        }
        let close = latency <= self.best.mul_f64(1.15) && latency >= self.best.mul_f64(0.85);
        self.near = if close { self.near + 1 } else { 0 };
        self.best = self.best.min(latency);
    }

    fn settled(&self) -> Option<Duration> {
        (self.near >= Self::NEAR || self.runs >= Self::RUNS_MAX).then_some(self.best)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settle(latencies_ms: &[u64]) -> Option<u64> {
        let mut settle = Settle::default();
        latencies_ms.iter().for_each(|&ms| settle.add(Duration::from_millis(ms)));
        settle.settled().map(|best| best.as_millis() as u64)
    }

    #[test]
    fn a_falling_latency_has_not_settled() {
        assert_eq!(settle(&[88]), None);
        assert_eq!(settle(&[88, 60, 46]), None);
        assert_eq!(settle(&[88, 46, 45, 46]), Some(45));
    }

    #[test]
    fn a_latency_that_never_settles_is_taken_in_the_end() {
        let restless: Vec<u64> = (0..16).map(|i| 10 + 40 * (i % 2)).collect();
        assert_eq!(settle(&restless[..15]), None);
        assert_eq!(settle(&restless), Some(10));
    }

    #[test]
    fn batch_sizes_double_up_to_the_largest() {
        assert_eq!(batch_sizes(0), [1]);
        assert_eq!(batch_sizes(1), [1]);
        assert_eq!(batch_sizes(6), [1, 2, 4, 6]);
        assert_eq!(batch_sizes(8), [1, 2, 4, 8]);
    }
}
