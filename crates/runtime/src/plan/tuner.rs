//! Measures every way to run a model that is present and agrees with f32, and picks the best one.
//!
//! The best way so far stays in memory. Each other way is loaded once, held against f32, and makes short bursts in turns with it; when
//! it is clear which is better, the other one goes. First come each engine and precision, then other numbers of threads for those that
//! are not far behind, then batches, which grow while that helps.

use super::bursts::{Burst, Bursts};
use super::candidate::thread_counts;
use super::choice::{Measured, leaders, reason, reasons};
use super::contender::{Contender, Findings};
use super::duel::{Duel, ROUNDS_MIN, is_better};
use super::quiet::{Quiet, busy};
use super::reference::Reference;
use super::session::{Conditions, DELAY_MAX, Interrupt, Session};
use super::tuning::CandidateLoad;
use super::{Candidate, Figures, Plan, PlanKey, Sample, Tried, TuneFailure, TuneFailureKind};
use crate::FailureKind;
use crate::lifecycle::Model;
use crate::load::{Attempt, LoadError, LoadOrder, default_arrangement, load_options, plan_key, present, tolerance};
use crate::part::{LoadedGraphs, load_first};
use crate::{Family, Optimize, PrecisionChoice};
use samovar_engine_api::{Device as DeviceKind, Engine, LoadOptions, Precision};
use samovar_schedule::Moment;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// One measurement of one model.
pub(crate) struct Tuner<'a> {
    model: &'a Model,
    order: LoadOrder<'a>,
    conditions: Conditions<'a>,
    /// The longest that loads and runs together may take; waiting for an idle device does not count.
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
    /// None when it begins; then what came of it.
    pub outcome: Option<&'a Result<Figures, String>>,
}

/// What all candidates are held against, and what they have in common.
struct Setting<'s> {
    attempts: &'s [Attempt<'s>],
    family: &'s dyn Family,
    reference: Reference,
}

/// Below this share of the best neither other threads nor larger batches are tried: what is lost with one may come back with the other.
const FAR_BEHIND: f64 = 0.5;
/// A larger batch must give more rows a second by this much to be worth its memory and the next doubling.
const GROWING_BY: f64 = 1.02;
/// Rows in one run that are tried at most where the configuration sets no limit.
const BATCH_MAX: usize = 32;
/// How often a burst that was disturbed is made again.
const DISTURBED_MAX: usize = 12;
/// Models that are larger have one copy at a time in memory for measurements, and are not measured in turns.
const TURNS_BYTES_MAX: u64 = 512 << 20;

impl<'a> Tuner<'a> {
    pub(crate) fn new(
        model: &'a Model,
        order: LoadOrder<'a>,
        conditions: Conditions<'a>,
        terms: TunerTerms<'a>,
    ) -> Self {
        let TunerTerms { budget, current, progress } = terms;
        let quiet = Quiet::new(model, conditions);
        let began = order.device.clock.now();
        Self { model, order, conditions, budget, current, progress, quiet, began }
    }

    /// Measures, and makes a plan of it. `tried` is what an earlier measurement that came to no end has found out, and then what is
    /// known when this one ends, however that is.
    pub(crate) fn run(&self, tried: &mut Vec<Tried>) -> Result<Plan, TuneFailure> {
        let attempts = Attempt::all(&self.order)?;
        let family = self.family(&attempts)?;
        let key = plan_key(&self.order, &attempts).ok_or_else(unreadable)?;
        let reference = self.reference(&attempts, family.as_ref())?;
        let setting = Setting { attempts: &attempts, family: family.as_ref(), reference };
        let mut findings = Findings { tried, champion: None };
        let best_known = self.best_known(findings.tried);
        self.try_all(&setting, &mut findings, best_known)?;
        self.try_all(&setting, &mut findings, self.defaults(&setting))?;
        let leaders = leaders(self.order.spec.optimize, findings.tried, FAR_BEHIND).into_iter();
        let arranged = leaders.flat_map(|(leader, _)| self.arrangements(setting.family, &leader)).collect();
        self.try_all(&setting, &mut findings, arranged)?;
        self.grow_batches(&setting, &mut findings)?;
        let champion = findings.champion.ok_or_else(|| nothing_works(reasons(findings.tried)))?.candidate;
        let plan = self.plan(key, setting.reference.sample().clone(), findings.tried, &champion)?;
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
            self.quiet.moment()?;
            let _loading = self.model.begin_candidate(&self.order, self.conditions.yields)?;
            match Reference::of(&self.order, attempt.engine, family) {
                Ok(found) => return Ok(found),
                Err(reason) => reasons.push(format!("{}: {reason}", attempt.engine.info().name)),
            }
        }
        Err(nothing_works(format!("no engine gives an f32 reference ({})", reasons.join("; "))))
    }

    /// The best way of an earlier measurement: it has to be in memory for the others to be held against.
    fn best_known(&self, tried: &mut Vec<Tried>) -> Vec<Candidate> {
        let best = leaders(self.order.spec.optimize, tried, 1.0).into_iter().map(|(best, _)| best).next();
        tried.retain(|tried| Some(&tried.candidate) != best.as_ref());
        best.into_iter().collect()
    }

    /// Each of them that was not tried yet. One way is measured whatever the budget.
    fn try_all(
        &self,
        setting: &Setting<'_>,
        findings: &mut Findings<'_, 'a>,
        all: Vec<Candidate>,
    ) -> Result<(), TuneFailure> {
        for candidate in all {
            if !findings.know(&candidate) {
                self.try_one(setting, findings, candidate)?;
            }
        }
        Ok(())
    }

    fn try_one(
        &self,
        setting: &Setting<'_>,
        findings: &mut Findings<'_, 'a>,
        candidate: Candidate,
    ) -> Result<(), TuneFailure> {
        let tell = |outcome: Option<&Result<Figures, String>>| {
            let model = &self.order.spec.name;
            (self.progress)(&TuneProgress { model, candidate: &candidate, outcome });
        };
        if findings.champion.is_some() && self.is_over() {
            let outcome = Err("not measured: the time for measurements was over".to_owned());
            findings.tried.push(Tried { candidate, outcome });
            return Ok(());
        }
        tell(None);
        let outcome = match self.challenge(setting, findings, &candidate) {
            Ok(figures) => Ok(figures),
            Err(Interrupt::Refused(reason)) => Err(reason),
            Err(Interrupt::Ended(failure)) => return Err(failure),
            Err(Interrupt::Disturbed) if findings.champion.is_none() => return Err(busy()),
            Err(Interrupt::Disturbed) => {
                Err("not measured: its runs are longer than the moments in which the device is idle".to_owned())
            }
        };
        tell(Some(&outcome));
        findings.tried.push(Tried { candidate, outcome });
        Ok(())
    }

    /// Measures a way in turns with the best one, whose place it takes where it is better.
    fn challenge(
        &self,
        setting: &Setting<'_>,
        findings: &mut Findings<'_, 'a>,
        candidate: &Candidate,
    ) -> Result<Figures, Interrupt> {
        let mut challenger = self.open(setting, findings.champion.as_mut(), candidate)?;
        let Some(champion) = &mut findings.champion else {
            self.alone(&mut challenger)?;
            return Ok(findings.crown(challenger));
        };
        let optimize = self.order.spec.optimize;
        let is_better = if champion.session.is_some() {
            let duel = self.duel(champion, &mut challenger)?;
            set_outcome(
                findings.tried,
                &champion.candidate,
                duel.as_ref().map(|_| champion.figures()).map_err(Clone::clone),
            );
            duel.is_ok_and(|duel| duel.is_won(optimize)) || champion.bursts.len() == 0
        } else {
            self.alone(&mut challenger)?;
            let (theirs, ours) = (champion.bursts.best(), challenger.bursts.best());
            theirs.zip(ours).is_some_and(|(theirs, ours)| is_better(optimize, theirs, ours))
        };
        let figures = challenger.figures();
        if is_better {
            findings.crown(challenger);
        }
        Ok(figures)
    }

    /// Loads a way, holds it against the reference and runs it until the latency of fresh runners has gone.
    fn open(
        &self,
        setting: &Setting<'_>,
        champion: Option<&mut Contender<'a>>,
        candidate: &Candidate,
    ) -> Result<Contender<'a>, Interrupt> {
        self.quiet.moment()?;
        let loading = self.begin_beside(champion)?;
        let engine = setting.engine(candidate)?;
        let conditions = (self.conditions, loading.memory);
        let mut session = Session::open(&self.order, engine, setting.family, candidate, conditions)?;
        drop(loading.turn);
        let limit = tolerance(self.order.spec, candidate.precision);
        let graph_error = self.in_peace(|| session.agree(&setting.reference, limit))?;
        let parts_error = setting.reference.compare_parts(&self.order, engine, setting.family, candidate);
        let precision_error = graph_error
            .max(parts_error.map_err(|reason| Interrupt::Refused(format!("it does not agree with f32: {reason}")))?);
        let (candidate, bursts) = (candidate.clone(), Bursts::default());
        let mut opened = Contender { candidate, session: Some(session), bursts, precision_error, memory_bytes: 0 };
        self.round(&mut opened)?;
        opened.memory_bytes = opened.session.as_ref().map_or(0, Session::memory_bytes);
        Ok(opened)
    }

    /// Room for one more way beside the best one, or in its place where there is none.
    fn begin_beside(&self, champion: Option<&mut Contender<'a>>) -> Result<CandidateLoad<'a>, TuneFailure> {
        if let Some(champion) = champion.filter(|champion| champion.session.is_some()) {
            let small = self.model.size_bytes(self.order.files) <= TURNS_BYTES_MAX;
            let room = small.then(|| self.model.begin_candidate(&self.order, self.conditions.yields));
            match room {
                None | Some(Err(TuneFailure { kind: TuneFailureKind::Load(FailureKind::Memory), .. })) => {}
                Some(begun) => return begun,
            }
            champion.session = None;
        }
        self.model.begin_candidate(&self.order, self.conditions.yields)
    }

    /// Bursts in turns until it is clear who is better, or the time is over. The inner failure is the champion's: it is out.
    fn duel(
        &self,
        champion: &mut Contender<'a>,
        challenger: &mut Contender<'a>,
    ) -> Result<Result<Duel, String>, Interrupt> {
        let mut duel = Duel::default();
        while !duel.is_over(self.order.spec.optimize) {
            // Who comes second in one round comes first in the next.
            let ahead = (duel.challenger.len() % 2 == 1).then(|| self.round(challenger)).transpose()?;
            match self.round(champion) {
                Ok(burst) => duel.champion.push(burst),
                Err(Interrupt::Refused(reason)) => {
                    champion.bursts = Bursts::default();
                    return Ok(Err(reason));
                }
                Err(Interrupt::Disturbed) => return Err(busy().into()),
                Err(ended) => return Err(ended),
            }
            let burst = ahead.map_or_else(|| self.round(challenger), Ok)?;
            duel.challenger.push(burst);
            if self.is_over() {
                break;
            }
        }
        champion.bursts.extend(&duel.champion);
        challenger.bursts.extend(&duel.challenger);
        Ok(Ok(duel))
    }

    /// A few rounds with nobody to compare with.
    fn alone(&self, contender: &mut Contender<'a>) -> Result<(), Interrupt> {
        for _ in 0..ROUNDS_MIN {
            let burst = self.round(contender)?;
            contender.bursts.push(burst);
            if self.is_over() {
                break;
            }
        }
        Ok(())
    }

    /// One burst alone and one with all slots busy.
    fn round(&self, contender: &mut Contender<'a>) -> Result<Burst, Interrupt> {
        let candidate = &contender.candidate;
        let session = contender.session.as_mut().ok_or(Interrupt::Disturbed)?;
        let latency = self.in_peace(|| session.alone())?;
        // With one slot, a run alone is all that there is.
        let rows_per_s = match candidate.slots {
            1 => candidate.batch as f64 / latency.as_secs_f64().max(1e-9),
            _ => self.in_peace(|| session.all_slots())?,
        };
        Ok(Burst { rows_per_s, latency })
    }

    /// Does `work` when the device is idle, again where it was disturbed.
    fn in_peace<T>(&self, mut work: impl FnMut() -> Result<T, Interrupt>) -> Result<T, Interrupt> {
        for _ in 0..DISTURBED_MAX {
            self.quiet.moment()?;
            match work() {
                Err(Interrupt::Disturbed) => {}
                done => return done,
            }
        }
        Err(Interrupt::Disturbed)
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

    /// The same with other threads a run, one row. Only a CPU's cores can be shared out in different ways. A family that wants more threads
    /// than one has a reason that these runs, of its first graph alone, do not show.
    fn arrangements(&self, family: &dyn Family, candidate: &Candidate) -> Vec<Candidate> {
        let device = self.order.device;
        let cores = device.cores().total();
        let counts = if device.options.kind == DeviceKind::Cpu { thread_counts(cores) } else { Vec::new() };
        let least = family.threads_on_cpu(cores).min(cores);
        let arranged = |threads| Candidate { threads, slots: cores / threads, batch: 1, ..candidate.clone() };
        counts.into_iter().filter(|threads| *threads >= least).map(arranged).collect()
    }

    /// Doubles the batch of each engine and precision in its best arrangement while that gives more rows a second.
    fn grow_batches(&self, setting: &Setting<'_>, findings: &mut Findings<'_, 'a>) -> Result<(), TuneFailure> {
        let spec = self.order.spec;
        let most = setting.family.batch_max().min(spec.batch_max.unwrap_or(BATCH_MAX));
        let batched = setting.family.lanes().first().is_some_and(crate::RowShapes::batched);
        if spec.optimize == Optimize::Latency || !batched {
            return Ok(());
        }
        let mut grown: Vec<(String, Precision)> = Vec::new();
        for (leader, figures) in leaders(self.order.spec.optimize, findings.tried, FAR_BEHIND) {
            let kind = (leader.engine.clone(), leader.precision);
            if grown.contains(&kind) {
                continue;
            }
            grown.push(kind);
            let (mut best, mut batch) = (figures, leader.batch.saturating_mul(2));
            while batch <= most && !self.is_over() && !(self.conditions.yields && best.latency * 2 > DELAY_MAX) {
                let larger = Candidate { batch, ..leader.clone() };
                if findings.know(&larger) {
                    break;
                }
                self.try_one(setting, findings, larger)?;
                let found = findings.tried.last().and_then(|tried| tried.outcome.clone().ok());
                let Some(found) = found.filter(|found| found.rows_per_s > best.rows_per_s * GROWING_BY) else { break };
                (best, batch) = (found, batch.saturating_mul(2));
            }
        }
        Ok(())
    }

    fn plan(&self, key: PlanKey, sample: Sample, tried: &[Tried], champion: &Candidate) -> Result<Plan, TuneFailure> {
        let spec = self.order.spec;
        let measured = tried.iter().filter_map(|tried| Some((&tried.candidate, *tried.outcome.as_ref().ok()?)));
        let measured: Vec<Measured<'_>> = measured.collect();
        let winner = measured.iter().position(|(candidate, _)| *candidate == champion);
        let winner = winner.ok_or_else(|| nothing_works(reasons(tried)))?;
        let (candidate, figures) = measured[winner];
        let why = reason(spec.optimize, &measured, winner);
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
            took: self.spent(),
            why,
            engines: present(spec, self.order.engines),
            sample,
            tried: tried.to_vec(),
        })
    }

    /// Has the winner's compiled form made, so that the next load finds it.
    fn compile(&self, setting: &Setting<'_>, plan: &Plan) {
        let candidate = plan.candidate();
        let Some(folder) = self.order.plans.compiled(&plan.key, &candidate) else { return };
        if let Err(reason) = self.compile_into(folder, setting, &candidate) {
            tracing::info!(model = %plan.model, reason, "the compiled form is made by the next load instead");
        }
    }

    fn compile_into(&self, folder: PathBuf, setting: &Setting<'_>, candidate: &Candidate) -> Result<(), String> {
        let begun = self.quiet.moment().and_then(|()| self.model.begin_candidate(&self.order, self.conditions.yields));
        let _loading = begun.map_err(|failure| failure.reason)?;
        let options = load_options(self.order.device, setting.family, candidate);
        let options = LoadOptions { cache: Some(folder), ..options };
        let engine = setting.engine(candidate).map_err(|_| "its engine is not here")?;
        let family = setting.family;
        let loaded = catch_unwind(AssertUnwindSafe(|| {
            let model = load_first(engine, self.order.files, family, &options)?;
            LoadedGraphs::load(engine, model, family, &options).map(drop)
        }));
        match loaded {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(error.reason),
            Err(_) => Err("it panicked".to_owned()),
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

fn nothing_works(reason: impl Into<String>) -> TuneFailure {
    TuneFailure::new(TuneFailureKind::NothingWorks, reason)
}

fn unreadable() -> TuneFailure {
    LoadError { kind: crate::FailureKind::File, reason: "the weights cannot be read for their digest".to_owned() }
        .into()
}
