//! One load: picks the engine, checks the contract, reads the weights, and accepts a precision only if it agrees with f32.

use crate::agreement::Snapshot;
use crate::generation::Loaded;
use crate::warm_up::run_rows;
use crate::{Agreement, Device, EngineChoice, FailureKind, Family, ModelSpec, PrecisionChoice, Scratch};
use samovar_engine_api as engine_api;
use samovar_engine_api::{
    Engine, EngineError, EngineErrorKind, LoadOptions, LoadedModel, ModelFiles, Precision, RunnerOptions,
};
use samovar_schedule::BatchRule;
use std::sync::Arc;
use std::time::Instant;

/// Why a load failed: for programs and for the person who runs the server.
#[derive(Clone, Debug)]
pub(crate) struct LoadError {
    pub(crate) kind: FailureKind,
    pub(crate) reason: String,
}

/// What a load found out, beside the generation itself.
pub(crate) struct LoadOutcome {
    pub(crate) loaded: Loaded,
    /// Largest relative difference from f32; none where it runs in f32.
    pub(crate) precision_error: Option<f32>,
}

/// What a load is to do.
pub(crate) struct LoadOrder<'a> {
    pub(crate) spec: &'a ModelSpec,
    /// The files that the source resolved to.
    pub(crate) files: &'a ModelFiles,
    /// Their version, where the source has versions.
    pub(crate) version: Option<u64>,
    /// The number of the generation.
    pub(crate) number: u64,
    pub(crate) engines: &'a [Arc<dyn Engine>],
    pub(crate) device: &'a Device,
}

/// Loads a model on the first engine that can run it.
pub(crate) fn load(order: &LoadOrder<'_>) -> Result<LoadOutcome, LoadError> {
    let LoadOrder { spec, files, version, number, engines, device } = *order;
    let candidates = candidates(&spec.engine, engines)?;
    let mut first_error = None;
    for engine in candidates {
        let attempt = Attempt { spec, files, engine: engine.as_ref(), device };
        match attempt.load(number, version) {
            Ok(outcome) => return Ok(outcome),
            Err(error) if matches!(error.kind, FailureKind::File | FailureKind::Contract) => return Err(error),
            Err(error) => {
                tracing::info!(model = %spec.name, engine = engine.info().name, reason = %error.reason, "cannot load here");
                first_error.get_or_insert(error);
            }
        }
    }
    Err(first_error.unwrap_or_else(no_engine))
}

fn candidates<'a>(
    choice: &EngineChoice,
    engines: &'a [Arc<dyn Engine>],
) -> Result<Vec<&'a Arc<dyn Engine>>, LoadError> {
    match choice {
        EngineChoice::Auto => Ok(engines.iter().collect()),
        EngineChoice::Named(name) => {
            let found: Vec<_> = engines.iter().filter(|engine| engine.info().name == name).collect();
            if found.is_empty() { Err(missing_engine(name)) } else { Ok(found) }
        }
    }
}

/// Loaded weights, their precision, and its largest relative difference from f32 where it is another.
type Weights = (Arc<dyn LoadedModel>, Precision, Option<f32>);

/// One try to load one model on one engine.
struct Attempt<'a> {
    spec: &'a ModelSpec,
    files: &'a ModelFiles,
    engine: &'a dyn Engine,
    device: &'a Device,
}

impl Attempt<'_> {
    fn load(&self, number: u64, version: Option<u64>) -> Result<LoadOutcome, LoadError> {
        let since = Instant::now();
        let signature = self.engine.inspect(self.files)?;
        let family = (self.spec.binder)(&signature)
            .map_err(|error| LoadError { kind: FailureKind::Contract, reason: error.to_string() })?;
        let batch = self.batch_rule(family.as_ref());
        let options = self.load_options(family.as_ref(), batch);
        let (model, precision, precision_error) = self.load_weights(family.as_ref(), &options)?;
        let info = self.engine.info();
        let device = &self.device.options;
        let loaded = Loaded {
            name: self.spec.name.as_str().into(),
            number,
            version,
            engine: info.name,
            engine_version: info.version,
            precision,
            threads: device.threads,
            slots: device.slots,
            since,
            family,
            batch,
            model,
        };
        Ok(LoadOutcome { loaded, precision_error })
    }

    fn batch_rule(&self, family: &dyn Family) -> BatchRule {
        let on_cpu = self.device.options.kind == engine_api::Device::Cpu;
        let wanted = self.spec.batch_max.unwrap_or(if on_cpu { 1 } else { family.batch_max() });
        BatchRule { size_max: wanted.min(family.batch_max()).max(1), delay_max: self.spec.batch_delay }
    }

    fn load_options(&self, family: &dyn Family, batch: BatchRule) -> LoadOptions {
        let device = &self.device.options;
        let shapes = match family.lanes().as_slice() {
            [only] if batch.size_max == 1 => only.full(1),
            _ => Vec::new(),
        };
        LoadOptions {
            precision: Precision::F32,
            device: device.kind.clone(),
            slots: device.slots,
            threads: device.threads,
            shapes,
            cache: None,
        }
    }

    fn load_weights(&self, family: &dyn Family, options: &LoadOptions) -> Result<Weights, LoadError> {
        let candidates = self.precisions();
        if candidates == [Precision::F32] && self.spec.reference.is_none() {
            return Ok((self.engine.load(self.files, options)?, Precision::F32, None));
        }
        // One copy at a time: the reference is gone before the weights that will serve come.
        let reference_files = self.spec.reference.as_ref().unwrap_or(self.files);
        let reference = warm_run(family, self.engine.load(reference_files, options)?.as_ref());
        let mut refused = None;
        for precision in candidates {
            let model = self.engine.load(self.files, &LoadOptions { precision, ..options.clone() })?;
            if precision == Precision::F32 && self.spec.reference.is_none() {
                return Ok((model, precision, None));
            }
            match self.compare(family, model.as_ref(), &reference) {
                Ok(agreement) => return Ok((model, precision, Some(agreement.relative))),
                Err(reason) => {
                    tracing::warn!(model = %self.spec.name, %precision, %reason, "does not agree with its reference");
                    refused = Some(disagrees(precision, &reason));
                }
            }
        }
        Err(refused.unwrap_or_else(no_engine))
    }

    /// The precisions to try, the fastest first. f32 comes last where it is not ruled out.
    fn precisions(&self) -> Vec<Precision> {
        match self.spec.precision {
            PrecisionChoice::Fixed(precision) => vec![precision],
            PrecisionChoice::Auto => {
                let faster = self.engine.info().precisions.into_iter().find(|&p| p != Precision::F32);
                faster.into_iter().chain([Precision::F32]).collect()
            }
        }
    }

    fn compare(
        &self,
        family: &dyn Family,
        model: &dyn LoadedModel,
        reference: &Result<Snapshot, String>,
    ) -> Result<Agreement, String> {
        let run = warm_run(family, model)?;
        let reference = reference.as_ref().map_err(Clone::clone)?;
        self.spec.tolerance.compare(&run, reference).map_err(|disagreement| disagreement.to_string())
    }
}

/// Runs the family's representative input once and keeps the outputs.
fn warm_run(family: &dyn Family, model: &dyn LoadedModel) -> Result<Snapshot, String> {
    let lane = family.lanes().into_iter().next().ok_or("the family names no shape to warm up with")?;
    let mut work = family.warm_up(&lane);
    let mut scratch = Scratch::default();
    let mut runner = model.runner(&RunnerOptions::default()).map_err(|error| error.to_string())?;
    run_rows(runner.as_mut(), &lane, 1, |row| work.write(row, &mut scratch)).map_err(|error| error.to_string())?;
    runner.run().map_err(|error| error.to_string())?;
    Snapshot::of(runner.as_ref(), model.signature().outputs.len()).map_err(|error| error.to_string())
}

impl From<EngineError> for LoadError {
    fn from(error: EngineError) -> Self {
        let kind = match error.kind() {
            EngineErrorKind::Unavailable => FailureKind::EngineUnavailable,
            EngineErrorKind::File => FailureKind::File,
            EngineErrorKind::Model => FailureKind::Model,
            EngineErrorKind::Unsupported | EngineErrorKind::Run => FailureKind::Unsupported,
            EngineErrorKind::Shape | EngineErrorKind::ElementType => FailureKind::Contract,
        };
        Self { kind, reason: error.to_string() }
    }
}

fn disagrees(precision: Precision, reason: &str) -> LoadError {
    let reason = format!("in {precision} it does not agree with its reference on the warm-up input: {reason}");
    LoadError { kind: FailureKind::Disagrees, reason }
}

fn missing_engine(name: &str) -> LoadError {
    LoadError { kind: FailureKind::EngineUnavailable, reason: format!("the engine `{name}` is not on this machine") }
}

fn no_engine() -> LoadError {
    LoadError { kind: FailureKind::EngineUnavailable, reason: "there is no engine on this machine".to_owned() }
}
