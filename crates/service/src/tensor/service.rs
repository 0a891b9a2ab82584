//! The one place where tensor requests are answered, whichever wire they came by.

use super::index::IndexEntry;
use super::ledger::Ledger;
use super::metadata::version;
use super::{
    EXTENSIONS, LogSettings, ModelConfig, ModelMetadata, ModelStatistics, Parameters, ServerMetadata, TensorOptions,
    TraceSettings,
};
use crate::access::{Caller, Scope};
use crate::shared_memory::SharedMemory;
use crate::{ServiceError, ServiceErrorKind};
use parking_lot::Mutex;
use samovar_runtime::{Failure, FailureKind, Generation, ModelHandle, Registry, RunError, RunErrorKind};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// Answers tensor requests on the models of one registry.
pub struct TensorService {
    pub(super) registry: Arc<Registry>,
    pub(super) options: TensorOptions,
    pub(super) ledger: Ledger,
    /// By model; under no name those of the server. Bounded by the configured models.
    trace: Mutex<BTreeMap<Option<String>, TraceSettings>>,
    log: Mutex<LogSettings>,
}

impl TensorService {
    /// A service on the models of `registry`.
    pub fn new(registry: Arc<Registry>, options: TensorOptions) -> Self {
        let ledger = Ledger::of(registry.list().into_iter().map(|model| model.name));
        let log = options.log.as_ref().map(|log| LogSettings::of_level(log.level)).unwrap_or_default();
        Self { registry, options, ledger, trace: Mutex::default(), log: Mutex::new(log) }
    }

    /// Regions of shared memory that requests may name.
    pub const fn shared_memory(&self) -> &Arc<SharedMemory> {
        &self.options.shared_memory
    }

    /// What the server says of itself. `shared` tells whether shared memory is allowed.
    pub fn server(&self, shared: bool) -> ServerMetadata {
        let shared = shared.then_some("system_shared_memory");
        let extensions = EXTENSIONS.into_iter().chain(shared).collect();
        ServerMetadata { name: "samovar", version: env!("CARGO_PKG_VERSION"), extensions }
    }

    /// What a model says of itself. One that is not loaded is loaded first, as by every use.
    ///
    /// # Errors
    /// No such model or version, or it cannot be loaded.
    pub async fn metadata(&self, model: &str, version: Option<&str>) -> Result<ModelMetadata, ServiceError> {
        Ok(ModelMetadata::of(&*self.generation(model, version).await?))
    }

    /// A model's configuration. One that is not loaded is loaded first, as by every use.
    ///
    /// # Errors
    /// As [`TensorService::metadata`].
    pub async fn config(&self, model: &str, version: Option<&str>) -> Result<ModelConfig, ServiceError> {
        Ok(ModelConfig::of(&*self.generation(model, version).await?, self.registry.on_gpu()))
    }

    /// Whether a model, and that version of it, serves at this moment.
    ///
    /// # Errors
    /// No such model; a version that is no number.
    pub fn ready(&self, model: &str, version: Option<&str>) -> Result<bool, ServiceError> {
        match self.registry.model(model)?.generation() {
            Ok(generation) => Ok(serves(&generation, version)?),
            Err(_) => Ok(false),
        }
    }

    /// What one model, or each of them, has done.
    ///
    /// # Errors
    /// No such model; a version that does not serve.
    pub fn statistics(&self, model: Option<&str>, version: Option<&str>) -> Result<Vec<ModelStatistics>, ServiceError> {
        let Some(model) = model else {
            return Ok(self
                .registry
                .list()
                .iter()
                .map(|model| self.ledger.statistics(&model.name, model.state.generation()))
                .collect());
        };
        let generation = self.registry.model(model)?.generation().ok();
        if let Some(generation) = &generation {
            check_version(generation, version)?;
        }
        Ok(vec![self.ledger.statistics(model, generation.as_ref())])
    }

    /// Every configured model, or those that serve.
    pub fn index(&self, ready_only: bool) -> Vec<IndexEntry> {
        let entries = self.registry.list().into_iter().map(IndexEntry::from);
        entries.filter(|entry| !ready_only || entry.state == "READY").collect()
    }

    /// Loads and warms a model, unless it is.
    ///
    /// # Errors
    /// `Forbidden` without the scope `admin`; no such model; it cannot be loaded. Configurations and files that are sent along are
    /// refused: a model's files and options are the server's own.
    pub async fn load(&self, caller: &Caller, model: &str, parameters: &Parameters) -> Result<(), ServiceError> {
        caller.require(Scope::Admin)?;
        if !parameters.is_empty() {
            let kind = ServiceErrorKind::Unsupported { code: "override_unsupported" };
            let message =
                "a model's files and options come from the server's configuration; load it without parameters";
            return Err(ServiceError::new(kind, message));
        }
        self.registry.load(model).await?.map(drop).map_err(|failure| failed_load(&failure))
    }

    /// Finishes a model's accepted work and frees it. The next use loads it again.
    ///
    /// # Errors
    /// `Forbidden` without the scope `admin`; no such model.
    pub async fn unload(&self, caller: &Caller, model: &str) -> Result<(), ServiceError> {
        caller.require(Scope::Admin)?;
        Ok(self.registry.unload(model).await?)
    }

    /// Trace settings of a model, or of the server: what was said of it, else of the server, else what they are by default.
    ///
    /// # Errors
    /// No such model.
    pub fn trace(&self, model: Option<&str>) -> Result<TraceSettings, ServiceError> {
        let known = model.map(|name| self.registry.model(name)).transpose()?;
        let kept = self.trace.lock();
        let of_model = known.and_then(|handle| kept.get(&Some(handle.name().to_owned())));
        Ok(of_model.or_else(|| kept.get(&None)).cloned().unwrap_or_default())
    }

    /// Keeps trace settings and tells them all. One without a value goes back to what it is by default. What is traced follows the
    /// server's own configuration.
    ///
    /// # Errors
    /// `Forbidden` without the scope `admin`; no such model; no such setting.
    pub fn set_trace(
        &self,
        caller: &Caller,
        model: Option<&str>,
        changes: BTreeMap<String, Option<Vec<String>>>,
    ) -> Result<TraceSettings, ServiceError> {
        caller.require(Scope::Admin)?;
        let mut settings = self.trace(model)?;
        for (name, value) in changes {
            let default = TraceSettings::default_of(&name);
            let default =
                default.ok_or_else(|| ServiceError::invalid("unknown_setting", "there is no such trace setting"))?;
            settings.0.insert(name, value.unwrap_or_else(|| vec![default.to_owned()]));
        }
        self.trace.lock().insert(model.map(str::to_owned), settings.clone());
        Ok(settings)
    }

    /// Log settings.
    pub fn log(&self) -> LogSettings {
        self.log.lock().clone()
    }

    /// Sets what the process logs.
    ///
    /// # Errors
    /// `Forbidden` without the scope `admin`; `Unsupported` where this process cannot change its log while it runs.
    pub fn set_log(&self, caller: &Caller, settings: LogSettings) -> Result<LogSettings, ServiceError> {
        caller.require(Scope::Admin)?;
        let kind = ServiceErrorKind::Unsupported { code: "log_fixed" };
        let fixed = || ServiceError::new(kind, "this process cannot change what it logs while it runs");
        let mut kept = self.log.lock();
        if settings.level() != kept.level() {
            let control = self.options.log.as_ref().ok_or_else(fixed)?;
            (control.set)(settings.level());
        }
        kept.clone_from(&settings);
        Ok(settings)
    }

    /// The generation that serves, loaded first where none does.
    pub(super) async fn generation(&self, model: &str, version: Option<&str>) -> Result<Arc<Generation>, ServiceError> {
        let handle = self.registry.model(model)?;
        open_by(&handle, Instant::now() + self.options.request_time).await?;
        let generation = handle.generation()?;
        check_version(&generation, version)?;
        Ok(generation)
    }
}

/// Waits for the model where it is not ready; its load goes on if this caller gives up.
pub(super) async fn open_by(model: &ModelHandle, deadline: Instant) -> Result<(), RunError> {
    if model.generation().is_ok() {
        return Ok(());
    }
    let kind = RunErrorKind::NotReady { retry_after: Duration::from_secs(1) };
    let loading = |_| RunError::new(kind, "the model is still being loaded");
    timeout_at(deadline, model.open()).await.map_err(loading)?.map(drop)
}

/// Holds the version that was asked for against the one that serves.
pub(super) fn check_version(generation: &Generation, asked: Option<&str>) -> Result<(), ServiceError> {
    if serves(generation, asked)? {
        return Ok(());
    }
    let message = format!("that version of the model does not serve; version {} does", version(generation));
    Err(ServiceError::new(ServiceErrorKind::NotFound { code: "model_version_not_found" }, message))
}

fn serves(generation: &Generation, asked: Option<&str>) -> Result<bool, ServiceError> {
    let Some(asked) = asked.filter(|asked| !asked.is_empty()) else { return Ok(true) };
    let wrong = |_| ServiceError::invalid("invalid_version", "a version is a whole number");
    let asked: u64 = asked.parse().map_err(wrong)?;
    Ok(asked == generation.version.unwrap_or(1))
}

/// The reason may name files, so it stays in the log; only those of the memory limit and of versions are but figures and names.
fn failed_load(failure: &Failure) -> ServiceError {
    tracing::warn!(code = failure.kind.code(), reason = failure.reason, "a model could not be loaded");
    let message = match failure.kind {
        FailureKind::Memory | FailureKind::Version => failure.reason.clone(),
        _ => format!("the model could not be loaded; {}", failure.kind.cure()),
    };
    ServiceError::invalid(failure.kind.code(), message)
}
