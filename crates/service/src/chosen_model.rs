//! Which model a request means: the one that it names, else the only one that can be meant; ready within the request's time.

use crate::{ServiceError, ServiceErrorKind};
use samovar_models::FamilyKind;
use samovar_runtime::{Generation, ModelHandle, ModelState, ModelStatus, Registry, RunError, RunErrorKind};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::timeout_at;

/// The model of that name.
///
/// # Errors
/// `model_not_found`, with what is near.
pub(crate) fn named(registry: &Registry, name: &str) -> Result<ModelHandle, ServiceError> {
    registry.model(name).map_err(|_| unknown())
}

/// The only model of one of `families`; where none is known to be, the only one that may turn out to be. What is on its way is waited for
/// where it decides which model is meant.
///
/// # Errors
/// `model_required`, where there is none or several; `none` says what there is none of. `model_not_ready` at the deadline.
pub(crate) async fn only(
    registry: &Registry,
    families: &[FamilyKind],
    none: &'static str,
    deadline: Instant,
) -> Result<ModelHandle, ServiceError> {
    let before = Candidates::of(registry.list(), families);
    if before.is_open() {
        before.unfold(registry, deadline).await?;
    }
    let Candidates { mut sure, unknown } = Candidates::of(registry.list(), families);
    if sure.is_empty() {
        sure = unknown.into_iter().map(|model| model.name).collect();
    }
    match sure.as_slice() {
        [only] => named(registry, only),
        [] => Err(required(none)),
        _ => Err(required(SEVERAL)),
    }
}

/// The only model that is known to be of `family`, besides the one called `beside`; none where there is none or several. What is on its
/// way is waited for where it may be one.
///
/// # Errors
/// `model_not_ready` at the deadline.
pub(crate) async fn only_known(
    registry: &Registry,
    family: FamilyKind,
    beside: &str,
    deadline: Instant,
) -> Result<Option<ModelHandle>, ServiceError> {
    let candidates = || {
        let others = registry.list().into_iter().filter(|model| model.name != beside);
        Candidates::of(others.collect(), &[family])
    };
    let before = candidates();
    if before.sure.len() < 2 {
        before.unfold(registry, deadline).await?;
    }
    match candidates().sure.as_slice() {
        [only] => named(registry, only).map(Some),
        _ => Ok(None),
    }
}

/// Refuses where no wait tells which model of one of `families` is meant.
///
/// # Errors
/// `model_required`, as [`only`].
pub(crate) fn check_only(registry: &Registry, families: &[FamilyKind], none: &'static str) -> Result<(), ServiceError> {
    let candidates = Candidates::of(registry.list(), families);
    match (candidates.sure.len(), candidates.unknown.len()) {
        (0, 0) => Err(required(none)),
        (0, 2..) if candidates.on_their_way().next().is_none() => Err(required(SEVERAL)),
        (0 | 1, _) => Ok(()),
        _ => Err(required(SEVERAL)),
    }
}

/// What may be meant by a request that names no model, as far as can be told now.
struct Candidates {
    /// The names of those that are of the family.
    sure: Vec<String>,
    /// Those of which nobody knows yet what they are.
    unknown: Vec<ModelStatus>,
}

impl Candidates {
    fn of(models: Vec<ModelStatus>, families: &[FamilyKind]) -> Self {
        let (known, unknown): (Vec<_>, Vec<_>) = models.into_iter().partition(|model| model.family.is_some());
        let is_one = |model: &ModelStatus| families.iter().any(|kind| Some(kind.name()) == model.family);
        Self { sure: known.into_iter().filter(is_one).map(|model| model.name).collect(), unknown }
    }

    /// Whether what is not known yet decides which one is meant.
    fn is_open(&self) -> bool {
        self.sure.len() < 2 && self.sure.len() + self.unknown.len() > 1
    }

    /// Unknown ones that will be known without anybody asking.
    fn on_their_way(&self) -> impl Iterator<Item = &ModelStatus> {
        self.unknown.iter().filter(|model| match model.state {
            ModelState::Loading { .. } | ModelState::Warming { .. } => true,
            ModelState::Absent => model.required,
            _ => false,
        })
    }

    /// Waits for those that are on their way; one that fails is as unknown as before.
    async fn unfold(&self, registry: &Registry, deadline: Instant) -> Result<(), ServiceError> {
        for model in self.on_their_way() {
            let handle = named(registry, &model.name)?;
            let opened = timeout_at(deadline.into(), handle.open()).await;
            drop(opened.map_err(|_| still_loading())?);
        }
        Ok(())
    }
}

const SEVERAL: &str = "there are several models and the request names none";

/// Waits for the model where it is not ready; its load goes on if this caller gives up.
///
/// # Errors
/// `model_not_ready`.
pub(crate) async fn open_by(model: &ModelHandle, deadline: Instant) -> Result<Arc<Generation>, ServiceError> {
    if let Ok(generation) = model.generation() {
        return Ok(generation);
    }
    match timeout_at(deadline.into(), model.open()).await {
        Ok(opened) => Ok(Arc::clone(opened?.generation())),
        Err(_) => Err(still_loading().into()),
    }
}

/// What `work` comes to, if it does so in time. Giving up cancels what has not begun.
///
/// # Errors
/// `deadline_exceeded`, and whatever `work` fails with.
pub(crate) async fn in_time<T, E: Into<ServiceError>>(
    deadline: Instant,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, ServiceError> {
    let late = || RunError::new(RunErrorKind::DeadlineExceeded, "the result was not there in time");
    timeout_at(deadline.into(), work).await.map_err(|_| ServiceError::from(late()))?.map_err(Into::into)
}

/// The error for a model that cannot do what is asked.
pub(crate) fn wrong_family(generation: &Generation, lacks: &str) -> ServiceError {
    let message = format!("the model belongs to the family `{}`, which {lacks}", generation.family.name());
    ServiceError::invalid("wrong_family", message).about("model")
}

fn still_loading() -> RunError {
    let kind = RunErrorKind::NotReady { retry_after: Duration::from_secs(1) };
    RunError::new(kind, "the model is still being loaded")
}

fn unknown() -> ServiceError {
    let message = "no model of that name is configured; GET /v1/models lists them";
    ServiceError::new(ServiceErrorKind::Run(RunErrorKind::UnknownModel), message).about("model")
}

fn required(message: &'static str) -> ServiceError {
    ServiceError::invalid("model_required", message).about("model")
}
