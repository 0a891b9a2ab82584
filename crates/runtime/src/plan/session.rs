//! One candidate in memory, from its load to its end: it is held against the reference and measured in windows of runs.
//!
//! Only the engine's own time counts. A window in which the device had other work to do is thrown away.

use super::{Candidate, Figures, Sample};
use crate::agreement::{Snapshot, Tolerance};
use crate::cores::CoresHeld;
use crate::device::{Activity, AtWork, Device};
use crate::load::{LoadOrder, load_options};
use crate::warm_up::run_rows;
use crate::{Family, Scratch, resident_bytes};
use samovar_engine_api::{Engine, EngineError, LoadedModel, Runner, RunnerOptions};
use samovar_schedule::Moment;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// One candidate in memory.
pub(crate) struct Session<'a> {
    conditions: Conditions<'a>,
    batch: usize,
    threads: usize,
    /// One per slot; they go before the weights.
    runners: Vec<Box<dyn Runner>>,
    model: Arc<dyn LoadedModel>,
    /// Bytes of the process before the load.
    before_bytes: u64,
}

/// Under what conditions runs are made.
#[derive(Clone, Copy)]
pub(crate) struct Conditions<'a> {
    pub(crate) device: &'a Device,
    /// Steps back as soon as the device has other work.
    pub(crate) yields: bool,
    /// Asked between runs.
    pub(crate) stopped: &'a (dyn Fn() -> bool + Sync),
}

/// What candidates are held against: the outputs of f32 on the first engine that can, and their sample.
pub(crate) struct Reference {
    pub(crate) run: Snapshot,
    pub(crate) sample: Sample,
}

impl Reference {
    fn compare(&self, run: &Snapshot, tolerance: Tolerance) -> Result<f32, String> {
        let whole = tolerance.compare(run, &self.run).map_err(|disagreement| disagreement.to_string())?;
        self.sample.compare(run, tolerance).map_err(|disagreement| disagreement.to_string())?;
        Ok(whole.relative)
    }
}

/// Why a session ended early.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Interrupt {
    /// Somebody wants it to end.
    Stopped,
    /// The device has other work: what was measured says nothing.
    Disturbed,
    /// The candidate is no good, and why.
    Refused(String),
}

/// A moment of noise makes a way look slower than it is, never faster: of so many windows the best counts.
const WINDOWS: usize = 2;
/// Runs of one runner in one window at least and at most. After the check and one such window a fresh runner has settled.
const RUNS_MIN: u32 = 2;
const RUNS_MAX: u32 = 2_000;

impl<'a> Session<'a> {
    /// Loads a candidate and makes its runners.
    pub(crate) fn open(
        order: &LoadOrder<'_>,
        engine: &dyn Engine,
        family: &dyn Family,
        candidate: &Candidate,
        conditions: Conditions<'a>,
    ) -> Result<Self, Interrupt> {
        conditions.check(None)?;
        let before_bytes = resident_bytes();
        let options = load_options(order.device, family, candidate);
        let loaded = catch_unwind(AssertUnwindSafe(|| engine.load(order.files, &options)));
        let model = refuse_panic(loaded, "the load")?;
        let made = catch_unwind(AssertUnwindSafe(|| {
            (0..candidate.slots).map(|_| prepared(model.as_ref(), family, candidate)).collect::<Result<Vec<_>, _>>()
        }));
        let runners = made.unwrap_or_else(|_| Err("it panicked while a runner was made".to_owned()));
        let runners = runners.map_err(Interrupt::Refused)?;
        let (batch, threads) = (candidate.batch, candidate.threads);
        Ok(Self { conditions, batch, threads, runners, model, before_bytes })
    }

    /// Makes one run and holds each of its rows against the reference; the largest difference. It must agree with the sample too:
    /// that is what its plan will be held against.
    pub(crate) fn agree(&mut self, reference: &Reference, tolerance: Tolerance) -> Result<f32, Interrupt> {
        let (outputs, batch) = (self.model.signature().outputs.len(), self.batch);
        let runner = self.runners.first_mut().ok_or_else(|| Interrupt::Refused("it has no slot".to_owned()))?;
        let undisturbed = Some(self.conditions.device.activity());
        one_run(self.conditions, runner.as_mut(), self.threads, undisturbed)?;
        self.conditions.check(undisturbed)?;
        let run = Snapshot::of(runner.as_ref(), outputs).map_err(|error| Interrupt::Refused(error.to_string()))?;
        let disagrees = |reason: String| Interrupt::Refused(format!("it does not agree with f32: {reason}"));
        if batch == 1 {
            return reference.compare(&run, tolerance).map_err(disagrees);
        }
        (0..batch).try_fold(0.0_f32, |worst, index| {
            let row =
                run.row(index, batch).ok_or_else(|| disagrees("an output has no row for each input row".to_owned()))?;
            Ok(worst.max(reference.compare(&row, tolerance).map_err(disagrees)?))
        })
    }

    /// Runs until the latency of a fresh runner has gone, then measures: runs alone and all slots in turns, for half of `window` each.
    pub(crate) fn measure(&mut self, window: Duration) -> Result<Figures, Interrupt> {
        self.all_slots(Duration::ZERO)?;
        let (mut latency, mut rows_per_s) = (Duration::MAX, 0.0_f64);
        for _ in 0..WINDOWS {
            latency = latency.min(self.alone(window / WINDOWS as u32)?);
            rows_per_s = rows_per_s.max(self.all_slots(window / WINDOWS as u32)?);
        }
        let grown = resident_bytes().saturating_sub(self.before_bytes);
        Ok(Figures { rows_per_s, latency, memory_bytes: grown.max(self.model.weights_bytes()), precision_error: 0.0 })
    }

    /// The median of runs with nothing else going on.
    fn alone(&mut self, window: Duration) -> Result<Duration, Interrupt> {
        let Self { conditions, threads, runners, .. } = self;
        let Some(runner) = runners.first_mut() else { return Ok(Duration::ZERO) };
        let undisturbed = conditions.device.activity();
        let (clock, mut times) = (&conditions.device.clock, Vec::new());
        let began = clock.now();
        while !is_through(times.len() as u32, clock.since(began), window) {
            times.push(one_run(*conditions, runner.as_mut(), *threads, Some(undisturbed))?);
        }
        conditions.check(Some(undisturbed))?;
        let middle = times.len() / 2;
        Ok(*times.select_nth_unstable(middle).1)
    }

    /// Rows a second with all slots busy.
    fn all_slots(&mut self, window: Duration) -> Result<f64, Interrupt> {
        let clock = &self.conditions.device.clock;
        let drive = Drive {
            conditions: self.conditions,
            threads: self.threads,
            undisturbed: self.conditions.device.activity(),
            began: clock.now(),
            window,
            halt: AtomicBool::new(false),
        };
        let runs = match self.runners.as_mut_slice() {
            [only] => drive.run(only.as_mut())?,
            several => drive.run_all(several)?,
        };
        self.conditions.check(Some(drive.undisturbed))?;
        let rows = u64::from(runs) * self.batch as u64;
        Ok(rows as f64 / clock.since(drive.began).as_secs_f64().max(1e-9))
    }
}

/// What the threads of one window share.
struct Drive<'a> {
    conditions: Conditions<'a>,
    threads: usize,
    undisturbed: Activity,
    began: Moment,
    window: Duration,
    /// One of them has failed: the others need not go on.
    halt: AtomicBool,
}

impl Drive<'_> {
    fn run_all(&self, runners: &mut [Box<dyn Runner>]) -> Result<u32, Interrupt> {
        std::thread::scope(|scope| {
            let named = |index: usize| std::thread::Builder::new().name(format!("measure-{index}"));
            let workers = runners.iter_mut().enumerate();
            let workers = workers.map(|(index, runner)| named(index).spawn_scoped(scope, || self.run(runner.as_mut())));
            // All are started before the first is waited for.
            let workers: Vec<_> = workers.collect();
            let ended = workers.into_iter().map(|worker| match worker {
                Ok(worker) => worker.join().unwrap_or_else(|_| Err(Interrupt::Refused("a run panicked".to_owned()))),
                Err(error) => Err(Interrupt::Refused(format!("the system gives no thread: {error}"))),
            });
            let ended: Vec<_> = ended.collect();
            ended.into_iter().sum::<Result<u32, Interrupt>>()
        })
    }

    /// Runs until the window is over; how many runs.
    fn run(&self, runner: &mut dyn Runner) -> Result<u32, Interrupt> {
        let clock = &self.conditions.device.clock;
        let mut runs = 0;
        while !is_through(runs, clock.since(self.began), self.window) && !self.halt.load(Ordering::Relaxed) {
            let run = one_run(self.conditions, runner, self.threads, Some(self.undisturbed));
            run.inspect_err(|_| self.halt.store(true, Ordering::Relaxed))?;
            runs += 1;
        }
        Ok(runs)
    }
}

impl Conditions<'_> {
    /// Whether the measurement may go on; `undisturbed`: what the device was at when the window began.
    pub(crate) fn check(self, undisturbed: Option<Activity>) -> Result<(), Interrupt> {
        if (self.stopped)() {
            return Err(Interrupt::Stopped);
        }
        let now = self.yields.then(|| self.device.activity());
        let disturbed = now.is_some_and(|now| now.busy || undisturbed.is_some_and(|before| before.runs != now.runs));
        if disturbed { Err(Interrupt::Disturbed) } else { Ok(()) }
    }

    /// The cores of one run. A measurement that does not yield counts as work, for those that do.
    fn take(self, threads: usize) -> AtRun {
        if self.yields {
            AtRun::Quietly { _cores: self.device.cores().take(threads) }
        } else {
            AtRun::InTheOpen { _run: self.device.begin_run(threads) }
        }
    }
}

/// What is dropped when a run is over.
enum AtRun {
    Quietly { _cores: CoresHeld },
    InTheOpen { _run: AtWork },
}

fn is_through(runs: u32, elapsed: Duration, window: Duration) -> bool {
    runs >= RUNS_MAX || (runs >= RUNS_MIN && elapsed >= window)
}

/// One run on cores that it has for itself.
fn one_run(
    conditions: Conditions<'_>,
    runner: &mut dyn Runner,
    threads: usize,
    undisturbed: Option<Activity>,
) -> Result<Duration, Interrupt> {
    conditions.check(undisturbed)?;
    let _cores = conditions.take(threads);
    let clock = &conditions.device.clock;
    let began = clock.now();
    let ran = catch_unwind(AssertUnwindSafe(|| runner.run()));
    let took = clock.since(began);
    refuse_panic(ran, "a run").map(|()| took)
}

/// A runner whose inputs hold the representative input in every row.
fn prepared(model: &dyn LoadedModel, family: &dyn Family, candidate: &Candidate) -> Result<Box<dyn Runner>, String> {
    let lane = family.lanes().into_iter().next().ok_or("the family names no shape to measure with")?;
    let mut runner = model.runner(&RunnerOptions { threads: candidate.threads }).map_err(|error| error.to_string())?;
    let (mut work, mut scratch) = (family.warm_up(&lane), Scratch::default());
    let written = run_rows(runner.as_mut(), &lane, candidate.batch, |row| work.write(row, &mut scratch));
    written.map_err(|error| error.to_string())?;
    Ok(runner)
}

fn refuse_panic<T>(outcome: std::thread::Result<Result<T, EngineError>>, what: &str) -> Result<T, Interrupt> {
    match outcome {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(Interrupt::Refused(format!("{what} failed: {error}"))),
        Err(_) => Err(Interrupt::Refused(format!("{what} panicked"))),
    }
}
