//! All models of this process: one value, made at start, passed down.

use crate::budget::Budget;
use crate::event::{Observer, Silent};
use crate::keeper::Keeper;
use crate::lifecycle::{Model, Shared, Take};
use crate::loading::Loading;
use crate::memory::Scale;
use crate::operations::Operations;
use crate::plan::{Plan, Plans, TuneFailure, TuneOptions};
use crate::{
    Clock, Device, DeviceOptions, DeviceStats, Failure, Generation, MemoryStats, ModelHandle, ModelSpec, ModelState,
    RunError, RunErrorKind,
};
use samovar_engine_api::Engine;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// What a registry is made of.
pub struct RegistryOptions {
    /// Engines on this machine; `auto` tries them in this order.
    pub engines: Vec<Arc<dyn Engine>>,
    /// The device that all models share.
    pub device: DeviceOptions,
    /// Hears of everything that happens.
    pub observer: Arc<dyn Observer>,
    /// Tells the time of runs and drift.
    pub clock: Clock,
    /// Bytes that all models together may take. None: no limit.
    pub memory_limit: Option<u64>,
    /// What a preload that fails means for requests and readiness.
    pub on_preload_failure: OnPreloadFailure,
    /// How plans are kept and measured.
    pub plans: PlanOptions,
    /// How long the end waits for operations on models that go on: a drain, or a load, which no engine can interrupt. What takes
    /// longer is left to the end of the process.
    pub close_limit: Duration,
}

/// What a preload that fails means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnPreloadFailure {
    /// The server is not ready, and requests for the model are refused until a retry has succeeded.
    #[default]
    Degraded,
    /// The server counts as ready, and a request for the model tries to load it.
    Lazy,
    /// The process ends.
    Exit,
}

/// How plans are kept and measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanOptions {
    /// Where plans and the engines' compiled forms are kept. None: nowhere.
    pub folder: Option<PathBuf>,
    /// Measure a model that has no plan after its first load, while the device is idle.
    pub background: bool,
    /// The longest that the measurements of one model may take.
    pub budget: Duration,
    /// From so many bytes of files on, a model's compiled form is kept, and whether its precision agrees, also where it was not
    /// measured: comparing and compiling it again takes minutes and several times its weights.
    pub large_bytes: u64,
}

impl Default for PlanOptions {
    /// Nothing is kept and nothing measured.
    fn default() -> Self {
        Self { folder: None, background: false, budget: Duration::from_secs(60), large_bytes: 16 << 20 }
    }
}

impl RegistryOptions {
    /// These engines on a default device, with nobody listening.
    pub fn new(engines: Vec<Arc<dyn Engine>>) -> Self {
        Self {
            engines,
            device: DeviceOptions::default(),
            observer: Arc::new(Silent),
            clock: Clock::start(),
            memory_limit: None,
            on_preload_failure: OnPreloadFailure::default(),
            plans: PlanOptions::default(),
            close_limit: Duration::from_secs(30),
        }
    }
}

/// All models of this process.
pub struct Registry {
    models: BTreeMap<String, Arc<Model>>,
    shared: Arc<Shared>,
    operations: Operations,
    keeper: Arc<Keeper>,
}

/// A model as it is shown.
#[derive(Clone)]
pub struct ModelStatus {
    /// The configured name.
    pub name: String,
    /// The adapter that is folded into it, by the name of its folder.
    pub adapter: Option<String>,
    /// The word for its family: what it was loaded as last, else what was known before; none where nothing is known yet.
    pub family: Option<&'static str>,
    /// Where it is in its life.
    pub state: ModelState,
    /// Whether it is loaded at start.
    pub preload: bool,
    /// Whether readiness waits for it while it is not ready: preloaded models before they have served once, and those whose last load
    /// failed, unless a request may try again (`on_preload_failure = "lazy"`).
    pub required: bool,
    /// Why the last reload failed, where another generation went on serving.
    pub reload_failure: Option<Failure>,
    /// Open streams that keep it in memory.
    pub holds: usize,
}

/// A preload that failed.
#[derive(Clone, Debug)]
pub struct PreloadFailure {
    /// The model's name.
    pub model: String,
    /// Why, and when it is tried again.
    pub failure: Failure,
}

impl Registry {
    /// Starts the device and takes the models in, none of them loaded.
    ///
    /// # Errors
    /// The name that two models share.
    pub fn start(options: RegistryOptions, specs: Vec<ModelSpec>) -> Result<Self, String> {
        let device = Device::start(options.device, options.clock, options.observer);
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let shared = Arc::new(Shared {
            engines: options.engines,
            device,
            scale: Scale::default(),
            plans: Plans::new(options.plans),
            budget: Budget::new(options.memory_limit),
            loading: Loading::new(cores),
            on_preload_failure: options.on_preload_failure,
        });
        let mut models = BTreeMap::new();
        for spec in specs {
            let name = spec.name.clone();
            if models.insert(name.clone(), Arc::new(Model::new(spec, Arc::clone(&shared)))).is_some() {
                shared.device.close();
                return Err(name);
            }
        }
        let operations = Operations::new(options.close_limit);
        shared.budget.set_models(models.values().map(Arc::downgrade).collect());
        let keeper = Keeper::new(models.values().cloned().collect(), operations.clone(), shared.device.clock.clone());
        let keeper = Arc::new(keeper);
        let keeping = Arc::clone(&keeper);
        operations.spawn("keeper".to_owned(), move || keeping.keep()).expect("the system gives threads at start");
        Ok(Self { models, shared, operations, keeper })
    }

    /// A handle to the model of that name.
    ///
    /// # Errors
    /// `UnknownModel`.
    pub fn model(&self, name: &str) -> Result<ModelHandle, RunError> {
        let model = self.models.get(name).ok_or_else(unknown_model)?;
        Ok(ModelHandle { model: Arc::clone(model), operations: self.operations.clone() })
    }

    /// Every configured model with its state, by name.
    pub fn list(&self) -> Vec<ModelStatus> {
        self.models.values().map(|model| status(model)).collect()
    }

    /// Loads and warms all models that are to be preloaded, in parallel, as many at once as there are cores. None of them takes
    /// another's memory: where they may not all fit, they load one after the other, pinned ones first, then by name, so that chance
    /// has no part in who stays out. Returns when each has come to an end, with those that failed.
    pub async fn preload(&self) -> Vec<PreloadFailure> {
        let mut preloads: Vec<&Arc<Model>> = self.models.values().filter(|model| model.spec.preload).collect();
        preloads.sort_by_key(|model| !model.spec.pinned);
        let expected = preloads.iter().fold(0_u64, |sum, model| sum.saturating_add(model.expected_bytes()));
        let at_once = if self.shared.budget.fits(expected) { preloads.len() } else { 1 };
        let mut failures = Vec::new();
        for group in preloads.chunks(at_once.max(1)) {
            failures.extend(self.preload_at_once(group).await);
        }
        failures
    }

    async fn preload_at_once(&self, models: &[&Arc<Model>]) -> Vec<PreloadFailure> {
        let start =
            |model: &&Arc<Model>| Some((model.spec.name.clone(), self.operations.start(model, Model::preload).ok()?));
        let loads: Vec<_> = models.iter().filter_map(start).collect();
        let mut failures = Vec::new();
        for (model, load) in loads {
            // No answer: the operation ended in a panic, which is in the model's state.
            if let Ok(Err(failure)) = load.await {
                failures.push(PreloadFailure { model, failure });
            }
        }
        failures
    }

    /// Loads and warms one model, unless it is.
    ///
    /// # Errors
    /// `UnknownModel`; inside: why the load failed.
    pub async fn load(&self, name: &str) -> Result<Result<Arc<Generation>, Failure>, RunError> {
        self.operations.run(self.find(name)?, Model::load).await
    }

    /// Loads a new generation beside the old one and switches; a failure leaves the old one serving. Takes the version that the last
    /// [`Registry::swap`] chose, as the configuration says where there was none.
    ///
    /// # Errors
    /// `UnknownModel`; inside: why the load failed.
    pub async fn reload(&self, name: &str) -> Result<Result<Arc<Generation>, Failure>, RunError> {
        self.operations.run(self.find(name)?, |model| model.reload(Take::Same)).await
    }

    /// The same with that version, which then serves until the next swap; none: the version that the configuration says.
    ///
    /// # Errors
    /// `UnknownModel`; inside: why the load failed.
    pub async fn swap(&self, name: &str, version: Option<u64>) -> Result<Result<Arc<Generation>, Failure>, RunError> {
        self.operations.run(self.find(name)?, move |model| model.reload(Take::Version(version))).await
    }

    /// Warms a model again.
    ///
    /// # Errors
    /// `UnknownModel`; inside: why it failed.
    pub async fn warm_again(&self, name: &str) -> Result<Result<Arc<Generation>, Failure>, RunError> {
        self.operations.run(self.find(name)?, Model::warm_again).await
    }

    /// Finishes accepted work and frees the model.
    ///
    /// # Errors
    /// `UnknownModel`.
    pub async fn unload(&self, name: &str) -> Result<(), RunError> {
        self.operations.run(self.find(name)?, Model::unload).await
    }

    /// Finishes all accepted work and frees every loaded model, all at the same time. The next use of a model loads and warms it.
    pub async fn clear(&self) {
        let clearings: Vec<_> =
            self.models.values().filter_map(|model| self.operations.start(model, Model::clear).ok()).collect();
        for clearing in clearings {
            // No answer: the operation ended in a panic, which is in the model's state.
            drop(clearing.await);
        }
    }

    /// What all models together take, and may take.
    pub fn memory(&self) -> MemoryStats {
        self.shared.budget.stats()
    }

    /// Looks at once after what is due: failed loads, models that drifted, idle or changed. The keeper's thread does the same twice
    /// a second; tests in virtual time do not want to wait for it. What it starts, it does not wait for.
    pub fn look(&self) {
        self.keeper.look();
    }

    /// Measures the ways to run a model, keeps the best one as its plan, and lets the model run by it if it is loaded. What else is
    /// to be done goes on meanwhile, and makes the figures worse.
    ///
    /// # Errors
    /// `UnknownModel`; inside: why there is no plan.
    pub async fn tune(&self, name: &str, options: TuneOptions) -> Result<Result<Arc<Plan>, TuneFailure>, RunError> {
        let operations = self.operations.clone();
        let tune = move |model: &Model| model.tune(&options, &|| operations.sleep(Duration::ZERO));
        self.operations.run(self.find(name)?, tune).await
    }

    /// The plan of a model that is loaded; none where it has none.
    ///
    /// # Errors
    /// `UnknownModel`.
    pub fn plan(&self, name: &str) -> Result<Option<Arc<Plan>>, RunError> {
        Ok(self.find(name)?.plan())
    }

    /// Whether the device is a graphics card.
    pub fn on_gpu(&self) -> bool {
        self.shared.device.options.kind != samovar_engine_api::Device::Cpu
    }

    /// How full the device is.
    pub fn device_stats(&self) -> DeviceStats {
        self.shared.device.stats()
    }

    /// Finishes what is queued and ends all threads. Blocks; operations that hang, no longer than `close_limit`.
    pub fn close(&self) {
        self.operations.close();
        self.shared.device.close();
    }

    fn find(&self, name: &str) -> Result<&Arc<Model>, RunError> {
        self.models.get(name).ok_or_else(unknown_model)
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.close();
    }
}

fn status(model: &Model) -> ModelStatus {
    ModelStatus {
        name: model.spec.name.clone(),
        adapter: model.spec.adapter.clone(),
        // The state first: what is ready has its family.
        state: model.state.borrow().clone(),
        family: model.family(),
        preload: model.spec.preload,
        required: model.is_required(),
        reload_failure: model.reload_failure(),
        holds: model.usage.holds(),
    }
}

fn unknown_model() -> RunError {
    RunError::new(RunErrorKind::UnknownModel, "no model of that name is configured; GET /v1/models lists them")
}
