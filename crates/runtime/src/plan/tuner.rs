//! Measures every way to run a model that is present and agrees with f32, and picks the best one.
//!
//! First each engine and precision gets a short window. On those that are not far behind other numbers of threads are tried, and
//! batches grow while that helps. Then the best few are measured in longer windows, in turns, so that a noisy moment does not decide; the middle of each one's windows counts.
//! One candidate is in memory at a time.

use super::candidate::thread_counts;
use super::choice::{Measured, choose, reason, score};
use super::quiet::Quiet;
use super::session::{Conditions, Interrupt, Reference, Session};
use super::{Candidate, Figures, Plan, PlanKey, Sample, Tried, TuneFailure, TuneFailureKind};
use crate::lifecycle::Model;
use crate::load::{
    Attempt, LoadError, LoadOrder, default_arrangement, load_options, plan_key, present, tolerance, warm_run,
};
use crate::{Family, Optimize, PrecisionChoice};
use samovar_engine_api::{Device as DeviceKind, Engine, LoadOptions, Precision};
use samovar_schedule::Moment;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// One measurement of one model.
pub(crate) struct Tuner<'a> {
    order: LoadOrder<'a>,
    conditions: Conditions<'a>,
    /// The longest that all runs together may take; waiting for an idle device does not count.
    budget: Duration,
    /// How the model runs at present: what another way has to beat.
    current: Option<Candidate>,
    progress: &'a (dyn Fn(&TuneProgress<'_>) + Sync),
    quiet: Quiet<'a>,
    began: Moment,
}

/// What a measurement tells while it goes on.
#[derive(Clone, Copy, Debug)]
pub struct TuneProgress<'a> {
    /// The model's name.
    pub model: &'a str,
    /// The way that is measured.
    pub candidate: &'a Candidate,
    /// How far the measurement has come.
    pub step: TuneStep,
    /// None when it begins; then what came of it.
    pub outcome: Option<&'a Result<Figures, String>>,
}

/// How far a measurement has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TuneStep {
    /// A short window for each way.
    Screening,
    /// Longer windows in turns for the best ones.
    Final {
        /// From 1.
        round: usize,
        /// Rounds in all.
        rounds: usize,
    },
}

/// What all candidates are held against, and what they have in common.
struct Setting<'s> {
    attempts: &'s [Attempt<'s>],
    family: &'s dyn Family,
    reference: Reference,
}

/// One window of the screening.
const SCREENING_WINDOW: Duration = Duration::from_millis(200);
/// One window of the last rounds, at least and at most.
const FINAL_WINDOW: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(1));
const FINAL_ROUNDS: usize = 3;
const FINALISTS: usize = 3;
/// Below this share of the best a candidate is out after the screening.
const FAR_BEHIND: f64 = 0.8;
/// Below this share neither other threads nor larger batches are tried: what is lost with one may come back with the other.
const FAR_BEHIND_VARYING: f64 = 0.5;
/// A larger batch must give more rows a second by this much to be worth its memory and the next doubling.
const GROWING_BY: f64 = 1.02;
/// Rows in one run that are tried at most where the configuration sets no limit.
const BATCH_MAX: usize = 32;
impl<'a> Tuner<'a> {
    pub(crate) fn new(
        model: &'a Model,
        order: LoadOrder<'a>,
        conditions: Conditions<'a>,
        terms: TunerTerms<'a>,
    ) -> Self {
        let TunerTerms { budget, current, progress } = terms;
        let quiet = Quiet::new(model, order, conditions);
        let began = order.device.clock.now();
        Self { order, conditions, budget, current, progress, quiet, began }
    }

    /// Measures, and makes a plan of it.
    pub(crate) fn run(&self) -> Result<Plan, TuneFailure> {
        let attempts = Attempt::all(&self.order)?;
        let family = self.family(&attempts)?;
        let key = plan_key(&self.order, &attempts).ok_or_else(unreadable)?;
        let reference = self.reference(&attempts, family.as_ref())?;
        let setting = Setting { attempts: &attempts, family: family.as_ref(), reference };
        let mut tried = self.screen(&setting)?;
        self.grow_batches(&setting, &mut tried)?;
        let finalists = self.decide(&setting, &mut tried)?;
        let plan = self.plan(key, setting.reference.sample.clone(), tried, &finalists)?;
        self.compile(&setting, &plan);
        Ok(plan)
    }

    fn family(&self, attempts: &[Attempt<'_>]) -> Result<Arc<dyn Family>, TuneFailure> {
        let mut first_error = None;
        for attempt in attempts {
            match attempt.contract(&self.order) {
                Ok(contract) => return Ok(Arc::clone(&contract.family)),
                Err(error) => drop(first_error.get_or_insert(error)),
            }
        }
        Err(first_error.map_or_else(|| nothing_works("there is no engine on this machine"), TuneFailure::from))
    }

    /// The outputs of f32 on the first engine that can, and their sample.
    fn reference(&self, attempts: &[Attempt<'_>], family: &dyn Family) -> Result<Reference, TuneFailure> {
        let mut reasons = Vec::new();
        for attempt in attempts {
            match self.quiet.undisturbed(|| self.is_over(), || self.reference_of(attempt.engine, family))? {
                Ok(found) => return Ok(found),
                Err(reason) => reasons.push(format!("{}: {reason}", attempt.engine.info().name)),
            }
        }
        Err(nothing_works(format!("no engine gives an f32 reference ({})", reasons.join("; "))))
    }

    fn reference_of(&self, engine: &dyn Engine, family: &dyn Family) -> Result<Reference, Interrupt> {
        let files = self.order.spec.reference.as_ref().unwrap_or(self.order.files);
        let arrangement = Candidate { batch: 1, ..default_arrangement(engine, &self.order, family) };
        let options = load_options(self.order.device, family, &arrangement);
        let run = catch_unwind(AssertUnwindSafe(|| {
            let model = engine.load(files, &options).map_err(|error| error.to_string())?;
            warm_run(family, model.as_ref())
        }));
        let run = run.unwrap_or_else(|_| Err("it panicked".to_owned())).map_err(Interrupt::Refused)?;
        let sample = Sample::of(&run);
        let same = sample.compare(&run, tolerance(self.order.spec, Precision::F32));
        same.map_err(|_| Interrupt::Refused("its outputs are not all numbers".to_owned()))?;
        Ok(Reference { run, sample })
    }

    /// A short window for every engine and precision, one row a run, and for other numbers of threads where that is not far behind.
    fn screen(&self, setting: &Setting<'_>) -> Result<Vec<Tried>, TuneFailure> {
        let mut tried = Vec::new();
        self.screen_all(setting, self.defaults(setting), &mut tried)?;
        let leaders = self.leaders(&tried, FAR_BEHIND_VARYING, usize::MAX);
        let varied = leaders.iter().flat_map(|(leader, _)| self.arrangements(leader)).collect();
        self.screen_all(setting, varied, &mut tried)?;
        Ok(tried)
    }

    /// One way is measured whatever the budget.
    fn screen_all(
        &self,
        setting: &Setting<'_>,
        all: Vec<Candidate>,
        tried: &mut Vec<Tried>,
    ) -> Result<(), TuneFailure> {
        for candidate in all {
            if tried.iter().any(|tried| tried.candidate == candidate) {
                continue;
            }
            let outcome = if tried.iter().any(|tried| tried.outcome.is_ok()) && self.is_over() {
                Err("not measured: the time for measurements was over".to_owned())
            } else {
                self.measure(setting, &candidate, TuneStep::Screening, SCREENING_WINDOW)?
            };
            tried.push(Tried { candidate, outcome });
        }
        Ok(())
    }

    /// How it runs at present, and every engine and precision with the device's own threads.
    fn defaults(&self, setting: &Setting<'_>) -> Vec<Candidate> {
        let mut all: Vec<Candidate> = self.current.iter().cloned().collect();
        for attempt in setting.attempts {
            let default = default_arrangement(attempt.engine, &self.order, setting.family);
            let precisions = self.precisions(attempt.engine).into_iter();
            all.extend(precisions.map(|precision| Candidate { precision, batch: 1, ..default.clone() }));
        }
        all
    }

    /// What the specification allows of what the engine has, below f32 first.
    fn precisions(&self, engine: &dyn Engine) -> Vec<Precision> {
        match self.order.spec.precision {
            PrecisionChoice::Fixed(precision) => vec![precision],
            PrecisionChoice::Auto => {
                let mut all = engine.info().precisions;
                all.sort_by_key(|&precision| precision == Precision::F32);
                all
            }
        }
    }

    /// The same with other threads a run, one row. Only a CPU's cores can be shared out in different ways.
    fn arrangements(&self, candidate: &Candidate) -> Vec<Candidate> {
        let device = self.order.device;
        let cores = device.cores().total();
        let counts = if device.options.kind == DeviceKind::Cpu { thread_counts(cores) } else { Vec::new() };
        let arranged = |threads| Candidate { threads, slots: cores / threads, batch: 1, ..candidate.clone() };
        counts.into_iter().map(arranged).collect()
    }

    /// Doubles the batch of the best ways while that gives more rows a second.
    fn grow_batches(&self, setting: &Setting<'_>, tried: &mut Vec<Tried>) -> Result<(), TuneFailure> {
        let spec = self.order.spec;
        let most = setting.family.batch_max().min(spec.batch_max.unwrap_or(BATCH_MAX));
        let batched = setting.family.lanes().first().is_some_and(crate::RowShapes::batched);
        if spec.optimize == Optimize::Latency || !batched {
            return Ok(());
        }
        for (candidate, figures) in self.leaders(tried, FAR_BEHIND_VARYING, usize::MAX) {
            let mut best = figures;
            let mut batch = candidate.batch.saturating_mul(2);
            while batch <= most && !self.is_over() {
                let larger = Candidate { batch, ..candidate.clone() };
                if tried.iter().any(|tried| tried.candidate == larger) {
                    break;
                }
                let outcome = self.measure(setting, &larger, TuneStep::Screening, SCREENING_WINDOW)?;
                let improved =
                    outcome.as_ref().ok().filter(|found| found.rows_per_s > best.rows_per_s * GROWING_BY).copied();
                tried.push(Tried { candidate: larger, outcome });
                let Some(found) = improved else { break };
                (best, batch) = (found, batch.saturating_mul(2));
            }
        }
        Ok(())
    }

    /// The measured ways that are not far behind the best, at most `count`: the best and, where it is among them, the current one.
    fn leaders(&self, tried: &[Tried], share: f64, count: usize) -> Vec<(Candidate, Figures)> {
        let optimize = self.order.spec.optimize;
        let measured = tried.iter().filter_map(|tried| Some((tried.candidate.clone(), tried.outcome.clone().ok()?)));
        let mut measured: Vec<(Candidate, Figures)> = measured.collect();
        // Stable: of equals the simpler comes first.
        measured.sort_by(|a, b| score(optimize, &b.1).total_cmp(&score(optimize, &a.1)));
        let best = measured.first().map_or(0.0, |(_, figures)| score(optimize, figures));
        measured.retain(|(_, figures)| score(optimize, figures) >= best * share);
        let current = measured.iter().position(|(candidate, _)| Some(candidate) == self.current.as_ref());
        if let Some(index) = current.filter(|&index| index >= count) {
            measured.swap(index, count - 1);
        }
        measured.truncate(count);
        measured
    }

    /// Longer windows in turns for the best ways. Their figures take the place of the screening's; who is left, the simplest first.
    fn decide(&self, setting: &Setting<'_>, tried: &mut [Tried]) -> Result<Vec<Candidate>, TuneFailure> {
        let mut finalists: Vec<Candidate> =
            self.leaders(tried, FAR_BEHIND, FINALISTS).into_iter().map(|(candidate, _)| candidate).collect();
        let window = self.final_window(finalists.len());
        let mut windows: Vec<(Candidate, Vec<Figures>)> = finalists.iter().map(|c| (c.clone(), Vec::new())).collect();
        for round in 1..=FINAL_ROUNDS {
            if finalists.len() < 2 || self.is_over() {
                break;
            }
            let step = TuneStep::Final { round, rounds: FINAL_ROUNDS };
            for (candidate, found) in &mut windows {
                if !finalists.contains(candidate) {
                    continue;
                }
                match self.measure(setting, candidate, step, window)? {
                    Ok(figures) => found.push(figures),
                    Err(reason) => {
                        finalists.retain(|finalist| finalist != candidate);
                        set_outcome(tried, candidate, Err(reason));
                    }
                }
            }
        }
        for (candidate, found) in
            windows.iter().filter(|(candidate, found)| !found.is_empty() && finalists.contains(candidate))
        {
            set_outcome(tried, candidate, Ok(middle_of(found)));
        }
        Ok(finalists)
    }

    /// Shares what is left of the budget out to the last rounds.
    fn final_window(&self, finalists: usize) -> Duration {
        let windows = (2 * FINAL_ROUNDS * finalists.max(1)) as u32;
        let (least, most) = FINAL_WINDOW;
        (self.budget.saturating_sub(self.spent()) / windows).clamp(least, most)
    }

    /// Loads a candidate, holds it against the reference, measures it and drops it. The inner failure is the candidate's own.
    fn measure(
        &self,
        setting: &Setting<'_>,
        candidate: &Candidate,
        step: TuneStep,
        window: Duration,
    ) -> Result<Result<Figures, String>, TuneFailure> {
        let tell = |outcome: Option<&Result<Figures, String>>| {
            (self.progress)(&TuneProgress { model: &self.order.spec.name, candidate, step, outcome });
        };
        tell(None);
        let outcome = self.quiet.undisturbed(|| self.is_over(), || self.measure_once(setting, candidate, window))?;
        tell(Some(&outcome));
        Ok(outcome)
    }

    fn measure_once(
        &self,
        setting: &Setting<'_>,
        candidate: &Candidate,
        window: Duration,
    ) -> Result<Figures, Interrupt> {
        let engine = setting.engine(candidate)?;
        let mut session = Session::open(&self.order, engine, setting.family, candidate, self.conditions)?;
        let limit = tolerance(self.order.spec, candidate.precision);
        let precision_error = session.agree(&setting.reference, limit)?;
        Ok(Figures { precision_error, ..session.measure(window)? })
    }

    fn plan(
        &self,
        key: PlanKey,
        sample: Sample,
        tried: Vec<Tried>,
        finalists: &[Candidate],
    ) -> Result<Plan, TuneFailure> {
        let spec = self.order.spec;
        let measured = tried.iter().filter_map(|tried| Some((&tried.candidate, *tried.outcome.as_ref().ok()?)));
        // In the order of preference, and only those that had the longer windows.
        let finals: Vec<Measured<'_>> = measured.clone().filter(|(c, _)| finalists.contains(c)).collect();
        let winner = choose(spec.optimize, &finals).ok_or_else(|| nothing_works(reasons(&tried)))?;
        let (candidate, figures) = finals[winner];
        let all: Vec<Measured<'_>> = measured.collect();
        let place = all.iter().position(|(other, _)| *other == candidate).unwrap_or_default();
        let why = reason(spec.optimize, &all, place);
        Ok(Plan {
            model: spec.name.clone(),
            key,
            engine: candidate.engine.clone(),
            engine_version: candidate.engine_version.clone(),
            precision: candidate.precision,
            threads: candidate.threads,
            slots: candidate.slots,
            batch: candidate.batch,
            optimize: spec.optimize,
            rows_per_s: figures.rows_per_s,
            latency: figures.latency,
            memory_bytes: figures.memory_bytes,
            precision_error: figures.precision_error,
            measured_at: whole_seconds(SystemTime::now()),
            took: self.order.device.clock.since(self.began),
            why,
            engines: present(spec, self.order.engines),
            sample,
            tried,
        })
    }

    /// Has the winner's compiled form made, so that the next load finds it.
    fn compile(&self, setting: &Setting<'_>, plan: &Plan) {
        let candidate = plan.candidate();
        let Some(folder) = self.order.plans.compiled(&plan.key, &candidate) else { return };
        let made = self.quiet.undisturbed(
            || self.is_over(),
            || {
                let cache = Some(folder.clone());
                let options = LoadOptions { cache, ..load_options(self.order.device, setting.family, &candidate) };
                let engine = setting.engine(&candidate)?;
                let loaded = catch_unwind(AssertUnwindSafe(|| engine.load(self.order.files, &options)));
                match loaded {
                    Ok(Ok(_)) => Ok(()),
                    Ok(Err(error)) => Err(Interrupt::Refused(error.to_string())),
                    Err(_) => Err(Interrupt::Refused("it panicked".to_owned())),
                }
            },
        );
        let failed = made.map_err(|failure| failure.reason).and_then(std::convert::identity);
        if let Err(reason) = failed {
            tracing::info!(model = %plan.model, reason, "the compiled form is made by the next load instead");
        }
    }

    fn spent(&self) -> Duration {
        self.order.device.clock.since(self.began).saturating_sub(self.quiet.waited())
    }

    fn is_over(&self) -> bool {
        self.spent() >= self.budget
    }
}

/// What a measurement may take, and who hears of it.
pub(crate) struct TunerTerms<'a> {
    pub(crate) budget: Duration,
    pub(crate) current: Option<Candidate>,
    pub(crate) progress: &'a (dyn Fn(&TuneProgress<'_>) + Sync),
}

impl Setting<'_> {
    fn engine(&self, candidate: &Candidate) -> Result<&dyn Engine, Interrupt> {
        let found = self.attempts.iter().find(|attempt| attempt.engine.info().name == candidate.engine);
        found.map(|attempt| attempt.engine).ok_or_else(|| Interrupt::Refused("its engine is not here".to_owned()))
    }
}

/// The time as it is kept.
fn whole_seconds(time: SystemTime) -> SystemTime {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    SystemTime::UNIX_EPOCH + Duration::from_secs(since.as_secs())
}

fn set_outcome(tried: &mut [Tried], candidate: &Candidate, outcome: Result<Figures, String>) {
    if let Some(found) = tried.iter_mut().find(|tried| tried.candidate == *candidate) {
        found.outcome = outcome;
    }
}

/// The middle of each figure; of memory the most.
fn middle_of(windows: &[Figures]) -> Figures {
    let middle = |mut values: Vec<f64>| {
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    Figures {
        rows_per_s: middle(windows.iter().map(|window| window.rows_per_s).collect()),
        latency: Duration::from_secs_f64(middle(windows.iter().map(|window| window.latency.as_secs_f64()).collect())),
        memory_bytes: windows.iter().map(|window| window.memory_bytes).max().unwrap_or_default(),
        precision_error: windows.iter().map(|window| window.precision_error).fold(0.0, f32::max),
    }
}

fn reasons(tried: &[Tried]) -> String {
    let reasons =
        tried.iter().filter_map(|tried| Some(format!("{}: {}", tried.candidate, tried.outcome.as_ref().err()?)));
    format!("no way to run it could be measured ({})", reasons.collect::<Vec<_>>().join("; "))
}

fn nothing_works(reason: impl Into<String>) -> TuneFailure {
    TuneFailure::new(TuneFailureKind::NothingWorks, reason)
}

fn unreadable() -> TuneFailure {
    LoadError { kind: crate::FailureKind::File, reason: "the weights cannot be read for their digest".to_owned() }
        .into()
}
