//! What the ways to run a model are held against while they are measured: what f32 gives, of all graphs of the model.

use super::{Candidate, Sample};
use crate::Family;
use crate::agreement::{Snapshot, Tolerance};
use crate::load::{LoadOrder, default_arrangement, load_options, tolerance, warm_run};
use crate::part::{PartsTrial, load_first};
use samovar_engine_api::{Engine, Precision};
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The outputs of f32 on the first engine that can, and their sample.
pub(super) struct Reference {
    run: Snapshot,
    parts: PartsTrial,
    sample: Sample,
    /// What came of the parts so far, by engine and precision: other threads and batches do not change their numbers.
    compared: RefCell<Vec<Compared>>,
}

/// The parts on one engine in one precision: the largest difference, or why they cannot be used.
struct Compared {
    engine: String,
    precision: Precision,
    outcome: Result<f32, String>,
}

impl Reference {
    /// Runs the model in f32 on `engine`.
    ///
    /// # Errors
    /// Why the engine cannot.
    pub(super) fn of(order: &LoadOrder<'_>, engine: &dyn Engine, family: &dyn Family) -> Result<Self, String> {
        let files = order.spec.reference.as_ref().unwrap_or(order.files);
        let arrangement = Candidate { batch: 1, ..default_arrangement(engine, order, family) };
        let options = load_options(order.device, family, &arrangement);
        let run = catch_unwind(AssertUnwindSafe(|| {
            let model = load_first(engine, files, family, &options).map_err(|error| error.reason)?;
            let run = warm_run(family, model.as_ref())?;
            drop(model);
            Ok::<_, String>((run, PartsTrial::load(engine, family, &options)?))
        }));
        let (run, parts) = run.unwrap_or_else(|_| Err("it panicked".to_owned()))?;
        let sample = Sample::of(&run, parts.run());
        let limit = tolerance(order.spec, Precision::F32);
        sample.compare(&run, limit).map_err(|_| "its outputs are not all numbers".to_owned())?;
        parts.verify(&sample, limit)?;
        let engine = engine.info().name.to_owned();
        let compared = vec![Compared { engine, precision: Precision::F32, outcome: Ok(0.0) }];
        Ok(Self { run, parts, sample, compared: RefCell::new(compared) })
    }

    /// What a plan keeps of it.
    pub(super) const fn sample(&self) -> &Sample {
        &self.sample
    }

    /// The largest difference of a run of the first graph. It must agree with the sample too: that is what its plan will be held against.
    ///
    /// # Errors
    /// Farther than `tolerance`.
    pub(super) fn compare(&self, run: &Snapshot, tolerance: Tolerance) -> Result<f32, String> {
        let whole = tolerance.compare(run, &self.run).map_err(|disagreement| disagreement.to_string())?;
        self.sample.compare(run, tolerance).map_err(|disagreement| disagreement.to_string())?;
        Ok(whole.relative)
    }

    /// The largest difference of the parts as `candidate` loads them.
    ///
    /// # Errors
    /// Parts that cannot be loaded or run, or that are farther than the precision may be.
    pub(super) fn compare_parts(
        &self,
        order: &LoadOrder<'_>,
        engine: &dyn Engine,
        family: &dyn Family,
        candidate: &Candidate,
    ) -> Result<f32, String> {
        let known =
            |compared: &&Compared| compared.engine == candidate.engine && compared.precision == candidate.precision;
        if let Some(compared) = self.compared.borrow().iter().find(known) {
            return compared.outcome.clone();
        }
        let options = load_options(order.device, family, candidate);
        let trial = catch_unwind(AssertUnwindSafe(|| PartsTrial::load(engine, family, &options)));
        let trial = trial.unwrap_or_else(|_| Err("its further graphs panicked".to_owned()));
        let outcome = trial.and_then(|trial| self.agree(&trial, tolerance(order.spec, candidate.precision)));
        let (engine, precision) = (candidate.engine.clone(), candidate.precision);
        self.compared.borrow_mut().push(Compared { engine, precision, outcome: outcome.clone() });
        outcome
    }

    fn agree(&self, trial: &PartsTrial, limit: Tolerance) -> Result<f32, String> {
        let whole = trial.compare(&self.parts, limit)?;
        trial.verify(&self.sample, limit)?;
        Ok(whole.relative)
    }
}
