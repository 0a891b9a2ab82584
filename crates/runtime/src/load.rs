//! One load: by a plan where there is one; else picks the engine, checks the contract, reads the weights, and accepts a precision
//! only if it agrees with f32.

use crate::agreement::{Snapshot, Tolerance};
use crate::event::Event;
use crate::fingerprint::Fingerprint;
use crate::generation::Loaded;
use crate::part::{LoadedGraphs, PartsTrial, load_first};
use crate::plan::{Candidate, Check, Found, Plan, PlanInUse, PlanKey, PlanSource, Plans, Sample};
use crate::warm_up::run_rows;
use crate::{AdapterError, Device, EngineChoice, FailureKind, Family, ModelSpec, PrecisionChoice, Scratch};
use samovar_engine_api as engine_api;
use samovar_engine_api::{
    Engine, EngineError, EngineErrorKind, LoadOptions, LoadedModel, ModelFiles, Precision, RunnerOptions, Signature,
};
use samovar_schedule::BatchRule;
use std::cell::OnceCell;
use std::path::PathBuf;
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
#[derive(Clone, Copy)]
pub(crate) struct LoadOrder<'a> {
    pub(crate) spec: &'a ModelSpec,
    /// The files that the source resolved to.
    pub(crate) files: &'a ModelFiles,
    /// Bytes of them, external data included.
    pub(crate) size_bytes: u64,
    /// Their version, where the source has versions.
    pub(crate) version: Option<u64>,
    /// How they looked before anything was read.
    pub(crate) fingerprint: Option<Fingerprint>,
    /// The number of the generation.
    pub(crate) number: u64,
    pub(crate) engines: &'a [Arc<dyn Engine>],
    pub(crate) device: &'a Device,
    pub(crate) plans: &'a Plans,
}

/// Loads a model by its plan, or else on the first engine that can run it.
pub(crate) fn load(order: &LoadOrder<'_>) -> Result<LoadOutcome, LoadError> {
    let attempts = Attempt::all(order)?;
    let key = if order.plans.are_kept() { plan_key(order, &attempts) } else { None };
    match key.as_ref().and_then(|key| by_plan(order, &attempts, key)) {
        Some(outcome) => Ok(outcome),
        None => by_default(order, &attempts, key.as_ref()),
    }
}

fn by_default(
    order: &LoadOrder<'_>,
    attempts: &[Attempt<'_>],
    key: Option<&PlanKey>,
) -> Result<LoadOutcome, LoadError> {
    let mut first_error = None;
    for attempt in attempts {
        match attempt.load(order, key) {
            Ok(outcome) => return Ok(outcome),
            Err(error) if error.is_the_files() => return Err(error),
            Err(error) => {
                let engine = attempt.engine.info().name;
                tracing::info!(model = %order.spec.name, engine, reason = %error.reason, "cannot load here");
                first_error.get_or_insert(error);
            }
        }
    }
    Err(first_error.unwrap_or_else(no_engine))
}

/// Loads by the plan of that key; none where there is none that can be used, which is told to whoever listens.
fn by_plan(order: &LoadOrder<'_>, attempts: &[Attempt<'_>], key: &PlanKey) -> Option<LoadOutcome> {
    let (plan, source) = match order.plans.find(key, &present(order.spec, order.engines)) {
        Found::Nothing => return None,
        Found::Stale => {
            refuse_plan(order, key, "it was measured with other engines than are here now");
            return None;
        }
        Found::Plan(plan, source) => (plan, source),
    };
    let Some(attempt) = attempts.iter().find(|attempt| attempt.engine.info().name == plan.engine) else {
        refuse_plan(order, key, "its engine is not here any more");
        return None;
    };
    let (_, contract) = first_contract(order, attempts)?;
    if !plan.candidate().is_possible(&attempt.engine.info(), order, contract.family.as_ref()) {
        refuse_plan(order, key, "it asks for more than the device, the model or the configuration allows");
        return None;
    }
    match attempt.load_by(order, contract, &plan, source) {
        Ok(outcome) => Some(outcome),
        // Nothing is wrong with the plan where the file is: the load fails the default way and says why.
        Err(error) if error.kind == FailureKind::File => None,
        Err(error) => {
            refuse_plan(order, key, &error.reason);
            None
        }
    }
}

fn refuse_plan(order: &LoadOrder<'_>, key: &PlanKey, reason: &str) {
    let model = &order.spec.name;
    tracing::warn!(%model, reason, "the plan is not used; the model loads by default and is measured again");
    order.plans.refuse(key);
    order.device.observer.observe(&Event::PlanMismatch { model });
}

/// What the plan of this model is called; none where no engine can read it.
pub(crate) fn plan_key(order: &LoadOrder<'_>, attempts: &[Attempt<'_>]) -> Option<PlanKey> {
    let (engine, contract) = first_contract(order, attempts)?;
    let mut files = vec![order.files.path.clone()];
    files.extend(data_files(engine, order.files));
    for path in contract.family.part_files() {
        files.extend(data_files(engine, &ModelFiles { path: path.clone() }));
        files.push(path);
    }
    if let Some(reference) = &order.spec.reference {
        files.push(reference.path.clone());
        files.extend(data_files(engine, reference));
    }
    order.plans.key(order.spec, contract.family.as_ref(), &files, order.device)
}

/// What the first engine that can read the file finds in it: the others need not read it again.
fn first_contract<'a>(order: &LoadOrder<'_>, attempts: &'a [Attempt<'_>]) -> Option<(&'a dyn Engine, &'a Contract)> {
    attempts.iter().find_map(|attempt| Some((attempt.engine, attempt.contract(order).ok()?)))
}

/// Data outside the graph's file; none where it cannot be told, which the load itself will tell.
fn data_files(engine: &dyn Engine, files: &ModelFiles) -> Vec<PathBuf> {
    engine.data_files(files).unwrap_or_default()
}

/// Name and version of every engine that the specification allows.
pub(crate) fn present(spec: &ModelSpec, engines: &[Arc<dyn Engine>]) -> Vec<(String, String)> {
    let infos = engines.iter().filter(|engine| is_allowed(&spec.engine, engine.as_ref())).map(|engine| engine.info());
    infos.map(|info| (info.name.to_owned(), info.version)).collect()
}

fn is_allowed(choice: &EngineChoice, engine: &dyn Engine) -> bool {
    match choice {
        EngineChoice::Auto => true,
        EngineChoice::Named(name) => engine.info().name == name,
    }
}

/// What a model's signature was bound to.
pub(crate) struct Contract {
    signature: Signature,
    pub(crate) family: Arc<dyn Family>,
}

impl Contract {
    fn of(spec: &ModelSpec, signature: Signature) -> Result<Self, LoadError> {
        let family = (spec.binder)(&signature)
            .map_err(|error| LoadError { kind: FailureKind::Contract, reason: error.to_string() })?;
        Ok(Self { signature, family })
    }
}

/// Weights that were loaded by default.
struct Weights {
    graphs: LoadedGraphs,
    precision: Precision,
    /// Its largest relative difference from f32 where it is another.
    precision_error: Option<f32>,
    /// Outputs of the reference, where they are to be recorded.
    sample: Option<Sample>,
}

/// One engine that a load may try.
pub(crate) struct Attempt<'a> {
    pub(crate) engine: &'a dyn Engine,
    /// Read once, however often it is asked for.
    contract: OnceCell<Result<Contract, LoadError>>,
}

impl<'a> Attempt<'a> {
    /// The engines that the specification allows, in the order in which they are tried.
    pub(crate) fn all(order: &LoadOrder<'a>) -> Result<Vec<Self>, LoadError> {
        let engines = order.engines.iter().map(AsRef::as_ref).filter(|engine| is_allowed(&order.spec.engine, *engine));
        let attempts: Vec<Self> = engines.map(|engine| Self { engine, contract: OnceCell::new() }).collect();
        match &order.spec.engine {
            EngineChoice::Named(name) if attempts.is_empty() => Err(missing_engine(name)),
            _ => Ok(attempts),
        }
    }

    /// What the file says, and the family that takes it.
    pub(crate) fn contract(&self, order: &LoadOrder<'_>) -> Result<&Contract, LoadError> {
        let read = || Contract::of(order.spec, self.engine.inspect(order.files)?);
        self.contract.get_or_init(read).as_ref().map_err(Clone::clone)
    }

    fn load(&self, order: &LoadOrder<'_>, key: Option<&PlanKey>) -> Result<LoadOutcome, LoadError> {
        let since = Instant::now();
        let family = Arc::clone(&self.contract(order)?.family);
        let arrangement = default_arrangement(self.engine, order, family.as_ref());
        let recorded = key.filter(|_| order.plans.record_default(order.size_bytes));
        let Weights { graphs, precision, precision_error, sample } =
            self.load_weights(order, family.as_ref(), (&arrangement, recorded))?;
        let plan = PlanInUse { key: key.cloned(), to_record: sample, ..PlanInUse::default() };
        let arrangement = Candidate { precision, ..arrangement };
        Ok(LoadOutcome { loaded: self.loaded(order, since, (family, graphs), (arrangement, plan)), precision_error })
    }

    /// Loads as a plan says, without a reference: the parts and the first run are held against the plan's sample instead.
    fn load_by(
        &self,
        order: &LoadOrder<'_>,
        contract: &Contract,
        plan: &Arc<Plan>,
        source: PlanSource,
    ) -> Result<LoadOutcome, LoadError> {
        let since = Instant::now();
        let candidate = plan.candidate();
        let family = Arc::clone(&contract.family);
        let cache = order.plans.compiled(&plan.key, &candidate);
        let options = LoadOptions { cache, ..load_options(order.device, family.as_ref(), &candidate) };
        let model = load_first(self.engine, order.files, family.as_ref(), &options)?;
        if *model.signature() != contract.signature {
            let reason = "its engine reads the model's inputs and outputs in another way than the others".to_owned();
            return Err(LoadError { kind: FailureKind::Contract, reason });
        }
        let graphs = LoadedGraphs::load(self.engine, model, family.as_ref(), &options)?;
        let tolerance = tolerance(order.spec, plan.precision);
        let trial = graphs.try_parts(family.as_ref()).map_err(untried)?;
        trial.verify(&plan.sample, tolerance).map_err(|reason| disagrees(plan.precision, &reason))?;
        let check = Check { plan: Arc::clone(plan), tolerance };
        let plan_in_use = PlanInUse {
            source,
            key: Some(plan.key.clone()),
            plan: Some(Arc::clone(plan)),
            check: Some(check),
            to_record: None,
        };
        let exact = plan.precision == Precision::F32 && order.spec.reference.is_none();
        let precision_error = (!exact).then_some(plan.precision_error);
        Ok(LoadOutcome {
            loaded: self.loaded(order, since, (family, graphs), (candidate, plan_in_use)),
            precision_error,
        })
    }

    fn loaded(
        &self,
        order: &LoadOrder<'_>,
        since: Instant,
        (family, graphs): (Arc<dyn Family>, LoadedGraphs),
        (arrangement, plan): (Candidate, PlanInUse),
    ) -> Loaded {
        let info = self.engine.info();
        Loaded {
            name: order.spec.name.as_str().into(),
            number: order.number,
            version: order.version,
            fingerprint: order.fingerprint,
            engine: info.name,
            engine_version: info.version,
            precision: arrangement.precision,
            threads: arrangement.threads,
            slots: arrangement.slots,
            since,
            family,
            batch: BatchRule { size_max: arrangement.batch, delay_max: order.spec.batch_delay },
            rows_max: order.spec.batch_max.unwrap_or(usize::MAX),
            graphs,
            plan,
        }
    }

    /// Where a large model is recorded, under the key `recorded`, its compiled form is kept too.
    fn load_weights(
        &self,
        order: &LoadOrder<'_>,
        family: &dyn Family,
        (arrangement, recorded): (&Candidate, Option<&PlanKey>),
    ) -> Result<Weights, LoadError> {
        let LoadOrder { spec, files, .. } = *order;
        let options = load_options(order.device, family, arrangement);
        let load = |precision| {
            let candidate = Candidate { precision, ..arrangement.clone() };
            let cache = recorded.and_then(|key| order.plans.compiled(key, &candidate));
            self.load_graphs(files, family, &LoadOptions { precision, cache, ..options.clone() })
        };
        let sample = |run: &Result<Trial, String>| recorded.and(run.as_ref().ok()).map(Trial::sample);
        let candidates = self.precisions(spec);
        if candidates == [Precision::F32] && spec.reference.is_none() {
            let graphs = load(Precision::F32)?;
            let parts = graphs.try_parts(family).map_err(untried)?;
            let graph = recorded.and_then(|_| warm_run(family, graphs.model.as_ref()).ok());
            let sample = graph.map(|graph| Trial { graph, parts }.sample());
            return Ok(Weights { graphs, precision: Precision::F32, precision_error: None, sample });
        }
        // One copy at a time: the reference is gone before the weights that will serve come.
        let reference_files = spec.reference.as_ref().unwrap_or(files);
        let reference = Trial::of(family, &self.load_graphs(reference_files, family, &options)?);
        let mut refused = None;
        for precision in candidates {
            let graphs = load(precision)?;
            if precision == Precision::F32 && spec.reference.is_none() {
                return Ok(Weights { graphs, precision, precision_error: None, sample: sample(&reference) });
            }
            match compare(spec, family, &graphs, &reference) {
                Ok(relative) => {
                    let (precision_error, sample) = (Some(relative), sample(&reference));
                    return Ok(Weights { graphs, precision, precision_error, sample });
                }
                Err(reason) => {
                    tracing::warn!(model = %spec.name, %precision, %reason, "does not agree with its reference");
                    refused = Some(disagrees(precision, &reason));
                    drop(graphs);
                    recorded.inspect(|key| order.plans.drop_forms(key));
                }
            }
        }
        Err(refused.unwrap_or_else(no_engine))
    }

    fn load_graphs(
        &self,
        files: &ModelFiles,
        family: &dyn Family,
        options: &LoadOptions,
    ) -> Result<LoadedGraphs, LoadError> {
        let first = load_first(self.engine, files, family, options)?;
        LoadedGraphs::load(self.engine, first, family, options)
    }

    /// The precisions to try, the fastest first. f32 comes last where it is not ruled out.
    pub(crate) fn precisions(&self, spec: &ModelSpec) -> Vec<Precision> {
        match spec.precision {
            PrecisionChoice::Fixed(precision) => vec![precision],
            PrecisionChoice::Auto => {
                let faster = self.engine.info().precisions.into_iter().find(|&p| p != Precision::F32);
                faster.into_iter().chain([Precision::F32]).collect()
            }
        }
    }
}

/// How a model runs on `engine` while nothing was measured.
pub(crate) fn default_arrangement(engine: &dyn Engine, order: &LoadOrder<'_>, family: &dyn Family) -> Candidate {
    let (device, info) = (&order.device.options, engine.info());
    let on_cpu = device.kind == engine_api::Device::Cpu;
    let wanted = order.spec.batch_max.unwrap_or(if on_cpu { family.rows_on_cpu() } else { family.batch_max() });
    let (threads, slots) = default_cores(order.device, family);
    Candidate {
        engine: info.name.to_owned(),
        engine_version: info.version,
        precision: Precision::F32,
        threads,
        slots,
        batch: wanted.min(family.batch_max()).max(1),
    }
}

/// Threads of a run, and slots that run the model. A device that was told its threads is believed; with one each, as a device is by
/// itself, the family says how its runs share the cores.
fn default_cores(device: &Device, family: &dyn Family) -> (usize, usize) {
    let options = &device.options;
    if options.kind != engine_api::Device::Cpu || options.threads > 1 {
        return (options.threads, options.slots);
    }
    let threads = family.threads_on_cpu(options.slots).clamp(1, options.slots.max(1));
    (threads, options.slots / threads)
}

/// How an engine is asked to load for `arrangement`.
pub(crate) fn load_options(device: &Device, family: &dyn Family, arrangement: &Candidate) -> LoadOptions {
    let shapes = match family.lanes().as_slice() {
        [only] if arrangement.batch == 1 => only.full(1),
        _ => Vec::new(),
    };
    LoadOptions {
        precision: arrangement.precision,
        device: device.options.kind.clone(),
        slots: arrangement.slots,
        threads: arrangement.threads,
        lone_threads: if family.lone_lanes().is_empty() { arrangement.threads } else { device.cores().total() },
        shapes,
        cache: None,
        gpu_memory: device.options.gpu_memory,
    }
}

/// How far a run in `precision` may differ from the reference. f32 of the same file is held to more than what is rounded on purpose.
pub(crate) fn tolerance(spec: &ModelSpec, precision: Precision) -> Tolerance {
    if precision == Precision::F32 && spec.reference.is_none() { Tolerance::F32 } else { spec.tolerance }
}

/// Representative runs of all graphs.
struct Trial {
    graph: Snapshot,
    parts: PartsTrial,
}

impl Trial {
    fn of(family: &dyn Family, graphs: &LoadedGraphs) -> Result<Self, String> {
        Ok(Self { graph: warm_run(family, graphs.model.as_ref())?, parts: graphs.try_parts(family)? })
    }

    fn sample(&self) -> Sample {
        Sample::of(&self.graph, self.parts.run())
    }
}

/// The largest relative difference from the reference.
fn compare(
    spec: &ModelSpec,
    family: &dyn Family,
    graphs: &LoadedGraphs,
    reference: &Result<Trial, String>,
) -> Result<f32, String> {
    let run = Trial::of(family, graphs)?;
    let reference = reference.as_ref().map_err(Clone::clone)?;
    let first =
        spec.tolerance.compare(&run.graph, &reference.graph).map_err(|disagreement| disagreement.to_string())?;
    let parts = run.parts.compare(&reference.parts, spec.tolerance)?;
    Ok(first.relative.max(parts.relative))
}

/// Runs the family's representative input once and keeps the outputs.
pub(crate) fn warm_run(family: &dyn Family, model: &dyn LoadedModel) -> Result<Snapshot, String> {
    let lane = family.lanes().into_iter().next().ok_or("the family names no shape to warm up with")?;
    let mut work = family.warm_up(&lane);
    let mut scratch = Scratch::default();
    let mut runner = model.runner(&RunnerOptions::default()).map_err(|error| error.to_string())?;
    run_rows(runner.as_mut(), &lane, 1, |row| work.write(row, &mut scratch)).map_err(|error| error.to_string())?;
    runner.run().map_err(|error| error.to_string())?;
    Snapshot::of(runner.as_ref(), model.signature().outputs.len()).map_err(|error| error.to_string())
}

impl LoadError {
    /// Whether the file is at fault, so that no other engine will do better.
    pub(crate) const fn is_the_files(&self) -> bool {
        matches!(self.kind, FailureKind::File | FailureKind::Contract | FailureKind::Adapter)
    }
}

impl From<AdapterError> for LoadError {
    fn from(error: AdapterError) -> Self {
        Self { kind: FailureKind::Adapter, reason: error.0 }
    }
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

fn untried(reason: String) -> LoadError {
    LoadError { kind: FailureKind::WarmUp, reason }
}

fn missing_engine(name: &str) -> LoadError {
    LoadError { kind: FailureKind::EngineUnavailable, reason: format!("the engine `{name}` is not on this machine") }
}

fn no_engine() -> LoadError {
    LoadError { kind: FailureKind::EngineUnavailable, reason: "there is no engine on this machine".to_owned() }
}
