//! What a model does with plans: uses one, doubts one, has one measured.

use super::session::Conditions;
use super::tuner::{Tuner, TunerTerms};
use super::{Candidate, Plan, PlanSource, Tried, TuneFailure, TuneFailureKind, TuneProgress};
use crate::LoadFigures;
use crate::budget::{Reservation, Room};
use crate::cores::CoresHeld;
use crate::event::Event;
use crate::fingerprint::Fingerprint;
use crate::generation::Generation;
use crate::lifecycle::Model;
use crate::load::{LoadError, LoadOrder, present};
use crate::turn::Turn;
use crate::{FailureKind, ModelSpec};
use samovar_engine_api::ModelFiles;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

/// How a model is to be measured.
#[derive(Clone)]
pub struct TuneOptions {
    /// The longest that all runs together may take. At least one way is measured whatever it says.
    pub budget: Duration,
    /// Hears of every step, on the measuring thread.
    pub progress: Arc<dyn Fn(&TuneProgress<'_>) + Send + Sync>,
    /// Set to true, it ends the measurement at its next run.
    pub cancel: Arc<AtomicBool>,
}

impl Default for TuneOptions {
    /// A minute, with nobody listening.
    fn default() -> Self {
        Self { budget: Duration::from_secs(60), progress: Arc::new(|_| ()), cancel: Arc::default() }
    }
}

/// What is held for a candidate.
pub(crate) struct CandidateLoad<'a> {
    /// For as long as it is in memory.
    pub(crate) memory: Reservation<'a>,
    /// While it is loaded.
    pub(crate) turn: LoadTurn<'a>,
}

/// No other operation on the model goes on, and no more loads go on at the same time than may.
pub(crate) struct LoadTurn<'a> {
    _place: CoresHeld,
    _operation: Turn<'a>,
}

/// What was measured: a plan is adopted for exactly this.
#[derive(Clone, Copy)]
pub(crate) struct MeasuredFiles {
    pub(crate) version: Option<u64>,
    /// None where the files could not be looked at.
    pub(crate) fingerprint: Option<Fingerprint>,
}

impl Model {
    /// Whether a load failed by the plan that it went by: the plan is out of use then, and the load is to go the default way.
    pub(crate) fn refuses_plan(&self, generation: &Generation, error: &LoadError) -> bool {
        let Some(plan) = generation.record() else { return false };
        // Nothing is wrong with a plan whose model was loaded while the device closed, or where there was no memory for it.
        if self.shared.device.is_closing() || error.kind != FailureKind::WarmUp {
            return false;
        }
        let model = &self.spec.name;
        tracing::warn!(%model, reason = %error.reason, "the plan is not used; the model loads by default and is measured again");
        self.shared.plans.refuse(&plan.key);
        self.observe(&Event::PlanMismatch { model });
        true
    }

    /// Tells that a generation is warm that went by a plan.
    pub(crate) fn observe_plan(&self, generation: &Generation) {
        let source = generation.plan_source();
        if source != PlanSource::Default {
            self.observe(&Event::PlanUsed { model: &self.spec.name, stored: source == PlanSource::Stored });
        }
    }

    /// Records how a large model runs that was loaded by default, so that the next start neither compares nor compiles it again.
    pub(crate) fn record_default(&self, order: &LoadOrder<'_>, generation: &Generation) {
        let (key, sample) = {
            let mut in_use = generation.plan_in_use();
            (in_use.key.clone(), in_use.to_record.take())
        };
        let Some((key, sample)) = key.zip(sample) else { return };
        if self.spec.fingerprint(order.files) != order.fingerprint {
            // The key is of what was there before: what was compiled since may be of other weights.
            return self.shared.plans.refuse(&key);
        }
        let LoadFigures { settled_run, memory_bytes, precision_error, .. } = generation.figures();
        let Candidate { engine, engine_version, precision, threads, slots, batch } = arrangement(generation);
        self.shared.plans.record(&Plan {
            model: self.spec.name.clone(),
            key,
            engine,
            engine_version,
            precision,
            threads,
            slots,
            batch,
            optimize: self.spec.optimize,
            rows_per_s: 0.0,
            latency: settled_run,
            memory_bytes,
            precision_error: precision_error.unwrap_or_default(),
            measured_at: SystemTime::now(),
            took: Duration::ZERO,
            tried: Vec::new(),
            why: "the default: nothing else was measured".to_owned(),
            engines: present(&self.spec, order.engines),
            sample,
        });
    }

    /// The plan that the model runs by, or would run by when it is loaded again.
    pub(crate) fn plan(&self) -> Option<Arc<Plan>> {
        let (plan, key) = {
            let generation = self.serving()?;
            let in_use = generation.plan_in_use();
            (in_use.plan.clone(), in_use.key.clone())
        };
        plan.or_else(|| self.shared.plans.get(key.as_ref()?)).filter(|plan| plan.is_measured())
    }

    /// Measures, keeps the plan, and lets the model run by it if it is loaded. `closing`: the process wants to end.
    pub(crate) fn tune(
        &self,
        options: &TuneOptions,
        closing: &(dyn Fn() -> bool + Sync),
    ) -> Result<Arc<Plan>, TuneFailure> {
        let stopped = || options.cancel.load(Ordering::Relaxed) || closing();
        let conditions = Conditions { device: &self.shared.device, yields: false, stopped: &stopped };
        self.measure(conditions, (options.budget, &*options.progress), &mut Vec::new())
    }

    /// The same, but only while nobody else has work for the device. `learned` is what the last attempt has found out, and then what
    /// this one has.
    pub(crate) fn tune_unasked(
        &self,
        closing: &(dyn Fn() -> bool + Sync),
        learned: &mut Vec<Tried>,
    ) -> Result<(), TuneFailure> {
        let conditions = Conditions { device: &self.shared.device, yields: true, stopped: closing };
        self.measure(conditions, (self.shared.plans.options.budget, &|_| ()), learned).map(drop)
    }

    /// What a candidate needs: its turn for the load, and memory for as long as it is there.
    pub(crate) fn begin_candidate(
        &self,
        order: &LoadOrder<'_>,
        only_while_serving: bool,
    ) -> Result<CandidateLoad<'_>, TuneFailure> {
        let operation = self.begin_operation();
        if only_while_serving && self.serving().is_none() {
            return Err(TuneFailure::new(TuneFailureKind::Stopped, "the model was unloaded while it was measured"));
        }
        let place = self.shared.loading.begin(order.size_bytes);
        let expected = self.shared.budget.expected(&self.spec.name, || order.size_bytes);
        let memory = self.shared.budget.reserve(&self.spec.name, expected, Room::Free)?.lasting();
        Ok(CandidateLoad { memory, turn: LoadTurn { _place: place, _operation: operation } })
    }

    fn measure(
        &self,
        conditions: Conditions<'_>,
        (budget, progress): (Duration, &(dyn Fn(&TuneProgress<'_>) + Sync)),
        tried: &mut Vec<Tried>,
    ) -> Result<Arc<Plan>, TuneFailure> {
        let serving = self.serving();
        let (version, files) = self.files_to_measure(serving.as_deref())?;
        let measured = MeasuredFiles { version, fingerprint: self.spec.fingerprint(&files) };
        let order = LoadOrder {
            spec: &self.spec,
            files: &files,
            size_bytes: self.size_bytes(&files),
            version,
            fingerprint: measured.fingerprint,
            number: 0,
            engines: &self.shared.engines,
            device: &self.shared.device,
            plans: &self.shared.plans,
        };
        let terms = TunerTerms { budget, current: serving.as_deref().map(arrangement), progress };
        // The old generation may go while its model is measured.
        drop(serving);
        let plan = Arc::new(Tuner::new(self, order, conditions, terms).run(tried)?);
        self.shared.plans.keep(&plan);
        tracing::info!(model = %self.spec.name, plan = %plan.candidate(), why = %plan.why, "the model was measured");
        self.observe(&Event::PlanMeasured { model: &self.spec.name, took: plan.took });
        self.adopt(&plan, measured);
        Ok(plan)
    }

    /// What serves, or what a load would take.
    fn files_to_measure(&self, serving: Option<&Generation>) -> Result<(Option<u64>, ModelFiles), LoadError> {
        let version = match serving {
            Some(generation) => generation.version,
            None => {
                let chosen = self.begin_operation().chosen;
                self.spec.source.candidates(chosen)?.first().copied().flatten()
            }
        };
        Ok((version, self.spec.source.files(version)?))
    }

    /// Lets the generation that serves run by `plan`, where it was loaded from what was measured: it is said to where it does already,
    /// and replaced where it does not. Else the plan waits for the next load.
    fn adopt(&self, plan: &Arc<Plan>, measured: MeasuredFiles) {
        let Some(generation) = self.serving().filter(|generation| measured.is_of(generation)) else { return };
        if arrangement(&generation) == plan.candidate() {
            let mut in_use = generation.plan_in_use();
            (in_use.source, in_use.plan, in_use.key) =
                (PlanSource::Measured, Some(Arc::clone(plan)), Some(plan.key.clone()));
            return;
        }
        drop(generation);
        if let Err(error) = self.renew(measured) {
            let (code, reason) = (error.kind.code(), &error.reason);
            tracing::info!(model = %self.spec.name, code, %reason, "the plan was kept and is used by the next load");
        }
    }
}

impl MeasuredFiles {
    /// Whether `generation` was loaded from it.
    pub(crate) fn is_of(&self, generation: &Generation) -> bool {
        self.fingerprint.is_some() && (self.version, self.fingerprint) == (generation.version, generation.fingerprint)
    }

    /// Whether the files are still the same.
    pub(crate) fn is_still(&self, spec: &ModelSpec) -> bool {
        spec.source.files(self.version).is_ok_and(|files| spec.fingerprint(&files) == self.fingerprint)
    }
}

/// How a generation runs.
fn arrangement(generation: &Generation) -> Candidate {
    Candidate {
        engine: generation.engine.to_owned(),
        engine_version: generation.engine_version.clone(),
        precision: generation.precision,
        threads: generation.threads,
        slots: generation.slots,
        batch: generation.batch.size_max,
    }
}
