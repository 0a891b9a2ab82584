//! Which model a request means: the one that it names, else the only one that can be meant; ready within the request's time.

use crate::{ServiceError, ServiceErrorKind};
use samovar_models::FamilyKind;
use samovar_runtime::{Generation, ModelHandle, ModelStatus, Registry, RunError, RunErrorKind};
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

/// The only model of one of `families`; where none of them is loaded yet, the only one that may turn out to be.
///
/// # Errors
/// `model_required`, where there is none or several; `none` says what there is none of.
pub(crate) fn only(
    registry: &Registry,
    families: &[FamilyKind],
    none: &'static str,
) -> Result<ModelHandle, ServiceError> {
    let models = registry.list();
    let sure: Vec<&ModelStatus> = models.iter().filter(|model| is_of(model, families) == Some(true)).collect();
    let may_be = || models.iter().filter(|model| is_of(model, families).is_none()).collect();
    let candidates: Vec<&ModelStatus> = if sure.is_empty() { may_be() } else { sure };
    match candidates.as_slice() {
        [only] => named(registry, &only.name),
        [] => Err(required(none)),
        _ => Err(required("there are several models and the request names none")),
    }
}

/// What a model is shows when it has loaded; until then it may be anything.
fn is_of(model: &ModelStatus, families: &[FamilyKind]) -> Option<bool> {
    let family = model.state.generation()?.family.name();
    Some(families.iter().any(|kind| kind.name() == family))
}

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
