//! One candidate in memory, from its load to its end: it is held against the reference and measured in short bursts of runs.
//!
//! Only the engine's own time counts. A measurement that yields begins no run while the device has other work, and a burst in which
//! some came does not count. So a frame waits for one run of a candidate at most.

use super::reference::Reference;
use super::{Candidate, TuneFailure};
use crate::agreement::{Snapshot, Tolerance};
use crate::budget::Reservation;
use crate::cores::CoresHeld;
use crate::device::{Activity, AtWork, Device};
use crate::load::{LoadOrder, load_options};
use crate::part::load_first;
use crate::warm_up::run_rows;
use crate::{Family, Scratch, resident_bytes};
use samovar_engine_api::{Engine, LoadedModel, Runner, RunnerOptions};
use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// One candidate in memory.
pub(crate) struct Session<'a> {
    conditions: Conditions<'a>,
    batch: usize,
    threads: usize,
    /// One per slot; they go before the weights, and the weights before the room that they take.
    runners: Vec<Box<dyn Runner>>,
    model: Arc<dyn LoadedModel>,
    /// Bytes of the process before the load.
    before_bytes: u64,
    _memory: Reservation<'a>,
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

/// Why there is no figure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Interrupt {
    /// The whole measurement is over.
    Ended(TuneFailure),
    /// The device had other work: what was measured says nothing.
    Disturbed,
    /// The candidate is no good, and why.
    Refused(String),
}

impl From<TuneFailure> for Interrupt {
    fn from(failure: TuneFailure) -> Self {
        Self::Ended(failure)
    }
}

/// A burst ends with the first run after this time: short, so that it fits between two frames.
const BURST: Duration = Duration::from_millis(20);
/// The longest that a measurement which yields may keep a frame waiting more than once: a candidate whose run takes longer is
/// refused as soon as something has come while it ran, and larger batches that would are not tried.
pub(super) const DELAY_MAX: Duration = Duration::from_millis(100);
/// Runs of one runner in one burst at most.
const RUNS_MAX: usize = 500;

impl<'a> Session<'a> {
    /// Loads a candidate and makes its runners.
    pub(crate) fn open(
        order: &LoadOrder<'_>,
        engine: &dyn Engine,
        family: &dyn Family,
        candidate: &Candidate,
        (conditions, memory): (Conditions<'a>, Reservation<'a>),
    ) -> Result<Self, Interrupt> {
        let before_bytes = resident_bytes();
        let options = load_options(order.device, family, candidate);
        let loaded = catch_unwind(AssertUnwindSafe(|| {
            load_first(engine, order.files, family, &options).map_err(|error| error.reason)
        }));
        let model = refuse_panic(loaded, "the load")?;
        let made = catch_unwind(AssertUnwindSafe(|| {
            (0..candidate.slots).map(|_| prepared(model.as_ref(), family, candidate)).collect::<Result<Vec<_>, _>>()
        }));
        let runners = made.unwrap_or_else(|_| Err("it panicked while a runner was made".to_owned()));
        let runners = runners.map_err(Interrupt::Refused)?;
        let (batch, threads) = (candidate.batch, candidate.threads);
        Ok(Self { conditions, batch, threads, runners, model, before_bytes, _memory: memory })
    }

    /// Makes one run and holds each of its rows against the reference; the largest difference. It must agree with the sample too:
    /// that is what its plan will be held against.
    pub(super) fn agree(&mut self, reference: &Reference, tolerance: Tolerance) -> Result<f32, Interrupt> {
        let (outputs, batch) = (self.model.signature().outputs.len(), self.batch);
        let runner = self.runners.first_mut().ok_or_else(|| Interrupt::Refused("it has no slot".to_owned()))?;
        one_run(self.conditions, runner.as_mut(), self.threads)?;
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

    /// Bytes that the process grew by since before the load; at least the weights.
    pub(crate) fn memory_bytes(&self) -> u64 {
        resident_bytes().saturating_sub(self.before_bytes).max(self.model.weights_bytes())
    }

    /// The median of runs with nothing else going on.
    pub(crate) fn alone(&mut self) -> Result<Duration, Interrupt> {
        let Some(runner) = self.runners.first_mut() else { return Ok(Duration::ZERO) };
        let drive = Drive::new(self.conditions, self.threads);
        let mut times = drive.run(runner.as_mut())?;
        self.conditions.check(Some(drive.undisturbed))?;
        let middle = times.len() / 2;
        Ok(*times.select_nth_unstable(middle).1)
    }

    /// Rows a second with all slots busy: what each slot gave while it was at work.
    pub(crate) fn all_slots(&mut self) -> Result<f64, Interrupt> {
        let drive = Drive::new(self.conditions, self.threads);
        let ended: Vec<Result<f64, Interrupt>> = std::thread::scope(|scope| {
            let named = |index: usize| std::thread::Builder::new().name(format!("measure-{index}"));
            let workers = self.runners.iter_mut().enumerate();
            let workers =
                workers.map(|(index, runner)| named(index).spawn_scoped(scope, || drive.rate(runner.as_mut())));
            // All are started before the first is waited for.
            let workers: Vec<_> = workers.collect();
            let ended = workers.into_iter().map(|worker| match worker {
                Ok(worker) => worker.join().unwrap_or_else(|_| Err(Interrupt::Refused("a run panicked".to_owned()))),
                Err(error) => Err(Interrupt::Refused(format!("the system gives no thread: {error}"))),
            });
            ended.collect()
        });
        let runs_per_s: f64 = ended.into_iter().sum::<Result<f64, Interrupt>>()?;
        self.conditions.check(Some(drive.undisturbed))?;
        Ok(runs_per_s * self.batch as f64)
    }
}

/// What the threads of one burst share.
struct Drive<'a> {
    conditions: Conditions<'a>,
    threads: usize,
    undisturbed: Activity,
    /// One of them has failed: the others need not go on.
    halt: AtomicBool,
}

impl<'a> Drive<'a> {
    fn new(conditions: Conditions<'a>, threads: usize) -> Self {
        Self { conditions, threads, undisturbed: conditions.device.activity(), halt: AtomicBool::new(false) }
    }

    /// Runs a second of one runner.
    fn rate(&self, runner: &mut dyn Runner) -> Result<f64, Interrupt> {
        let times = self.run(runner)?;
        Ok(times.len() as f64 / seconds(times.iter().sum()))
    }

    /// The times of runs until the burst is over, one at least.
    fn run(&self, runner: &mut dyn Runner) -> Result<Vec<Duration>, Interrupt> {
        let (clock, mut times) = (&self.conditions.device.clock, Vec::new());
        let began = clock.now();
        loop {
            let run = one_run(self.conditions, runner, self.threads);
            times.push(run.inspect_err(|_| self.halt.store(true, Ordering::Relaxed))?);
            if clock.since(began) >= BURST || times.len() >= RUNS_MAX || self.halt.load(Ordering::Relaxed) {
                return Ok(times);
            }
        }
    }
}

impl Conditions<'_> {
    /// Whether the measurement may go on; `undisturbed`: what the device was at when the burst began.
    fn check(self, undisturbed: Option<Activity>) -> Result<(), Interrupt> {
        if (self.stopped)() {
            return Err(Interrupt::Ended(TuneFailure::stopped()));
        }
        let now = self.yields.then(|| self.device.activity());
        let disturbed = now.is_some_and(|now| now.busy || undisturbed.is_some_and(|before| before.runs != now.runs));
        if disturbed { Err(Interrupt::Disturbed) } else { Ok(()) }
    }

    /// The cores of one run. A measurement that does not yield counts as work, for those that do; one that does waits for nobody, so
    /// that it stands in nobody's way when cores become free.
    fn take(self, threads: usize) -> Result<AtRun, Interrupt> {
        if !self.yields {
            return Ok(AtRun::InTheOpen { _run: self.device.begin_run(threads) });
        }
        let cores = self.device.cores().try_take(threads).ok_or(Interrupt::Disturbed)?;
        Ok(AtRun::Quietly { _cores: cores })
    }
}

/// What is dropped when a run is over.
enum AtRun {
    Quietly { _cores: CoresHeld },
    InTheOpen { _run: AtWork },
}

fn seconds(time: Duration) -> f64 {
    time.as_secs_f64().max(1e-9)
}

/// One run on cores that it has for itself.
fn one_run(conditions: Conditions<'_>, runner: &mut dyn Runner, threads: usize) -> Result<Duration, Interrupt> {
    conditions.check(None)?;
    let _cores = conditions.take(threads)?;
    let clock = &conditions.device.clock;
    let began = clock.now();
    let ran = catch_unwind(AssertUnwindSafe(|| runner.run()));
    let took = clock.since(began);
    refuse_panic(ran, "a run")?;
    if took > DELAY_MAX && conditions.check(None) == Err(Interrupt::Disturbed) {
        let took_ms = took.as_millis();
        return Err(Interrupt::Refused(format!("a run takes {took_ms} ms, too long to be measured between frames")));
    }
    Ok(took)
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

fn refuse_panic<T, E: Display>(outcome: std::thread::Result<Result<T, E>>, what: &str) -> Result<T, Interrupt> {
    match outcome {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(Interrupt::Refused(format!("{what} failed: {error}"))),
        Err(_) => Err(Interrupt::Refused(format!("{what} panicked"))),
    }
}
