//! Drift: whether a warm model's runs have become slow, judged by what its warm-up settled at.
//!
//! Runs of one row shape and batch size are taken [`WINDOW`] at a time. A window is slow when its median exceeds [`SLOW`] × the
//! settled run, and that by [`SLOW_BY`]; [`WINDOWS_SLOW`] of them in a row are a drift, at most one in [`QUIET`] for a generation. One fast window breaks the
//! row: single outliers and noise never add up, and a model that has recovered is quiet again at once.
//!
//! **What it is held against.** The warm-up of the load, or the last one that somebody asked for. The warm-up that a drift sets
//! off does not move it: were the slow run to become the measure, a machine that slows down bit by bit would count as healthy at
//! every step. A model that stays slow therefore drifts again every ten minutes, which is what the operator should see, and costs no more.
//!
//! Shapes and batch sizes without a settled run are left out: there is nothing to hold them against.

use crate::RowShapes;
use samovar_schedule::Moment;
use std::collections::HashMap;
use std::time::Duration;

/// What the runs of one row shape and batch size settled at in a warm-up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettledRun {
    /// Shapes of one row.
    pub lane: RowShapes,
    /// Rows in the batch.
    pub rows: usize,
    /// Median of the runs that were close to each other; of the slowest slot.
    pub run: Duration,
}

/// A model has become slow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drift {
    /// Rows in the batches that were slow.
    pub rows: usize,
    /// Median of the last window.
    pub median: Duration,
    /// What the warm-up settled at.
    pub settled: Duration,
}

/// What a run has brought to light.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// The runs have become slow: time to warm the model again.
    Drifted(Drift),
    /// The runs that had drifted are no longer slow.
    Recovered {
        /// Rows in the batch.
        rows: usize,
        /// Median of the last window.
        median: Duration,
    },
}

/// Watches the runs of one generation. Pure: time is an argument. Its size is that of the shapes and batch sizes warmed up.
#[derive(Default)]
pub(crate) struct DriftWatch {
    lanes: HashMap<RowShapes, Vec<Track>>,
    last_drift: Option<Moment>,
}

/// The runs of one row shape and batch size.
struct Track {
    rows: usize,
    settled: Duration,
    /// The window in progress.
    window: Vec<Duration>,
    /// Slow windows in a row.
    slow: u32,
    drifted: bool,
}

/// Runs in one window.
const WINDOW: usize = 32;
/// How much slower than settled is slow.
const SLOW: f64 = 1.5;
/// By how much at least: of runs shorter than this, the scheduler's share on a busy machine is as long as they are.
const SLOW_BY: Duration = Duration::from_millis(1);
/// Slow windows in a row that make a drift.
const WINDOWS_SLOW: u32 = 3;
/// The shortest time between two drifts of one generation.
const QUIET: Duration = Duration::from_secs(600);

impl DriftWatch {
    /// Begins afresh with these settled runs: after a load, and after a warm-up that somebody asked for.
    pub(crate) fn hold_against(&mut self, settled: &[SettledRun]) {
        self.lanes.clear();
        self.last_drift = None;
        for SettledRun { lane, rows, run } in settled.iter().filter(|settled| !settled.run.is_zero()) {
            self.lanes.entry(lane.clone()).or_default().push(Track::new(*rows, *run));
        }
    }

    /// Notes one run that ended at `now`.
    pub(crate) fn ran(&mut self, lane: &RowShapes, rows: usize, took: Duration, now: Moment) -> Option<Change> {
        let track = self.lanes.get_mut(lane)?.iter_mut().find(|track| track.rows == rows)?;
        let median = track.add(took)?;
        if !track.is_slow(median) {
            return track.recover(median);
        }
        track.slow = track.slow.saturating_add(1);
        let quiet = self.last_drift.is_some_and(|last| now.saturating_since(last) < QUIET);
        if track.slow < WINDOWS_SLOW || quiet {
            return None;
        }
        let drift = Drift { rows, median, settled: track.settled };
        track.drifted = true;
        self.last_drift = Some(now);
        self.forget_windows();
        Some(Change::Drifted(drift))
    }

    /// What was measured before a warm-up says nothing about the time after it.
    fn forget_windows(&mut self) {
        for track in self.lanes.values_mut().flatten() {
            track.window.clear();
            track.slow = 0;
        }
    }
}

impl Track {
    fn new(rows: usize, settled: Duration) -> Self {
        Self { rows, settled, window: Vec::with_capacity(WINDOW), slow: 0, drifted: false }
    }

    /// The median when `took` completes a window.
    fn add(&mut self, took: Duration) -> Option<Duration> {
        self.window.push(took);
        if self.window.len() < WINDOW {
            return None;
        }
        self.window.sort_unstable();
        let median = self.window[WINDOW / 2];
        self.window.clear();
        Some(median)
    }

    fn is_slow(&self, median: Duration) -> bool {
        median > self.settled.mul_f64(SLOW) && median > self.settled + SLOW_BY
    }

    fn recover(&mut self, median: Duration) -> Option<Change> {
        self.slow = 0;
        std::mem::take(&mut self.drifted).then_some(Change::Recovered { rows: self.rows, median })
    }
}

impl std::fmt::Display for Drift {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ms = |run: Duration| run.as_secs_f64() * 1e3;
        let Self { rows, median, settled } = *self;
        write!(f, "runs of {rows} rows take {:.1} ms, the warm-up settled at {:.1} ms", ms(median), ms(settled))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RowShape;

    const DRIFT_AT: usize = WINDOW * WINDOWS_SLOW as usize;

    fn lane(size: usize) -> RowShapes {
        RowShapes::new(vec![RowShape::Batched(vec![size])])
    }

    fn ms(count: u64) -> Duration {
        Duration::from_millis(count)
    }

    fn settled(size: usize, rows: usize, run_ms: u64) -> SettledRun {
        SettledRun { lane: lane(size), rows, run: ms(run_ms) }
    }

    /// A watch in virtual time over lane 1: one row settled at 10 ms, two at 16 ms.
    struct Bench {
        watch: DriftWatch,
        now: Moment,
    }

    impl Bench {
        fn new() -> Self {
            let mut watch = DriftWatch::default();
            watch.hold_against(&[settled(1, 1, 10), settled(1, 2, 16)]);
            Self { watch, now: Moment::ZERO }
        }

        /// Runs one after the other; what they brought to light.
        fn run(&mut self, rows: usize, runs_ms: impl IntoIterator<Item = u64>) -> Vec<Change> {
            let run = |run_ms| {
                self.now = self.now + ms(run_ms);
                self.watch.ran(&lane(1), rows, ms(run_ms), self.now)
            };
            runs_ms.into_iter().filter_map(run).collect()
        }

        fn runs(&mut self, count: usize, run_ms: u64) -> Vec<Change> {
            self.run(1, std::iter::repeat_n(run_ms, count))
        }
    }

    #[test]
    fn three_slow_windows_in_a_row_are_one_drift_and_not_ten() {
        let mut bench = Bench::new();
        assert_eq!(bench.runs(DRIFT_AT - 1, 16), []);
        let drift = Drift { rows: 1, median: ms(16), settled: ms(10) };
        assert_eq!(bench.runs(1, 16), [Change::Drifted(drift)]);
        assert_eq!(bench.runs(DRIFT_AT * 10, 16), []);
    }

    #[test]
    fn what_stays_slow_drifts_again_after_ten_minutes_and_against_the_same_measure() {
        let mut bench = Bench::new();
        let in_an_hour = bench.run(1, std::iter::repeat_n(20, 3600 * 1000 / 20));
        assert_eq!(in_an_hour.len(), 6, "{in_an_hour:?}");
        assert!(in_an_hour.iter().all(|change| matches!(change, Change::Drifted(drift) if drift.settled == ms(10))));
    }

    #[test]
    fn what_recovers_is_told_once_and_quiet() {
        let mut bench = Bench::new();
        assert_eq!(bench.runs(DRIFT_AT, 30).len(), 1);
        assert_eq!(bench.runs(WINDOW, 11), [Change::Recovered { rows: 1, median: ms(11) }]);
        assert_eq!(bench.runs(100_000, 11), []);
    }

    #[test]
    fn noise_outliers_and_short_spells_are_no_drift() {
        let mut bench = Bench::new();
        assert_eq!(bench.run(1, (0..10_000).map(|i| 10 + i % 6)), [], "noise within half of the run");
        assert_eq!(
            bench.run(1, (0..10_000).map(|i| if i % 4 == 0 { 500 } else { 10 })),
            [],
            "one in four is an outlier"
        );
        for _ in 0..100 {
            assert_eq!(bench.runs(WINDOW * 2, 40), [], "two windows are a spell");
            assert_eq!(bench.runs(WINDOW, 10), []);
        }
        assert_eq!(bench.runs(DRIFT_AT * 2, 15), [], "half as long again is not more than that");
    }

    #[test]
    fn a_model_of_a_fraction_of_a_millisecond_does_not_drift_by_another() {
        let mut watch = DriftWatch::default();
        watch.hold_against(&[SettledRun { lane: lane(1), rows: 1, run: Duration::from_micros(200) }]);
        let mut drifts = |run| (0..DRIFT_AT).filter_map(|_| watch.ran(&lane(1), 1, run, Moment::ZERO)).count();
        assert_eq!([800, 1_200, 1_300].map(|run| drifts(Duration::from_micros(run))), [0, 0, 1]);
    }

    #[test]
    fn each_batch_size_is_held_against_its_own() {
        let mut bench = Bench::new();
        assert_eq!(bench.run(2, std::iter::repeat_n(20, 1000)), []);
        assert_eq!(bench.run(3, std::iter::repeat_n(900, 1000)), [], "never warmed, never judged");
        assert_eq!(bench.watch.ran(&lane(7), 1, ms(900), bench.now), None);
        let changes = bench.run(2, std::iter::repeat_n(25, DRIFT_AT));
        assert_eq!(changes, [Change::Drifted(Drift { rows: 2, median: ms(25), settled: ms(16) })]);
        assert_eq!(bench.runs(DRIFT_AT, 30), [], "one drift in ten minutes for all of a generation");
    }

    #[test]
    fn a_warm_up_that_was_asked_for_sets_the_measure() {
        let mut bench = Bench::new();
        bench.runs(DRIFT_AT, 30);
        bench.watch.hold_against(&[settled(1, 1, 30), settled(2, 1, 0)]);
        assert_eq!(bench.runs(DRIFT_AT * 2, 40), []);
        assert_eq!(bench.runs(DRIFT_AT, 50).len(), 1, "the time since the last drift begins afresh, too");
        assert_eq!(bench.watch.ran(&lane(2), 1, ms(1), bench.now), None, "a run without length measures nothing");
    }

    #[test]
    fn memory_does_not_grow_with_runs() {
        let mut bench = Bench::new();
        bench.runs(10_000, 12);
        assert!(bench.watch.lanes.values().flatten().all(|track| track.window.capacity() == WINDOW));
    }
}
