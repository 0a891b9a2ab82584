//! `/v1/models`: what is configured, and what is done with it.

use crate::app::App;
use crate::error::{ApiError, Refusal};
use crate::names::is_name;
use crate::wire::{
    ModelBody, ModelList, Problem, ReloadRequest, VersionName, VersionWord, WarmUpAnswer, WarmUpOutcome, WarmUpRequest,
};
use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequestParts, Path, State};
use http::request::Parts;
use samovar_runtime::{Failure, Generation, ModelHandle, ModelStatus, Opened, RunError, RunErrorKind};
use samovar_service::text::Pair;
use serde::de::DeserializeOwned;
use std::sync::Arc;

type Answer = Result<Json<ModelBody>, ApiError>;

/// All configured models and pairs of towers, in the shape that OpenAI's clients read, with their state beside it.
#[utoipa::path(get, path = "/v1/models", tag = "models", responses((status = 200, body = ModelList)))]
pub(crate) async fn list(State(app): State<Arc<App>>) -> Json<ModelList> {
    let models = app.registry.list();
    let pairs = app.texts.pairs().iter().map(|(name, pair)| pair_body(&app, name, pair, &models));
    let data = models.iter().map(|model| model_body(&app, model)).chain(pairs).collect();
    Json(ModelList { object: "list", data })
}

/// Finishes accepted work and frees every model. The next use of one loads and warms it again.
#[utoipa::path(post, path = "/v1/models/clear", tag = "models", responses((status = 200, body = ModelList)))]
pub(crate) async fn clear(State(app): State<Arc<App>>) -> Json<ModelList> {
    app.registry.clear().await;
    list(State(app)).await
}

/// One model, or one pair of towers.
#[utoipa::path(get, path = "/v1/models/{name}", tag = "models", params(("name" = String, Path)), responses(
    (status = 200, body = ModelBody),
    (status = 404, body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn show(State(app): State<Arc<App>>, name: Result<Path<String>, PathRejection>) -> Answer {
    let name = name.map_or_else(|_| String::new(), |Path(name)| name);
    match app.texts.pairs().get(&name) {
        Some(pair) => Ok(Json(pair_body(&app, &name, pair, &app.registry.list()))),
        None => body(&app, &known(&app, &name)?),
    }
}

/// Loads and warms a model, unless it is. Answers when it is ready.
#[utoipa::path(post, path = "/v1/models/{name}/load", tag = "models", params(("name" = String, Path)), responses(
    (status = 200, body = ModelBody),
    (status = 404, body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "The model cannot be loaded", body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn load(State(app): State<Arc<App>>, Named(model): Named) -> Answer {
    done(app.registry.load(model.name()).await)?;
    body(&app, &model)
}

/// Finishes accepted work and frees the model.
#[utoipa::path(post, path = "/v1/models/{name}/unload", tag = "models", params(("name" = String, Path)), responses(
    (status = 200, body = ModelBody),
    (status = 404, body = Problem, content_type = "application/problem+json"),
))]
pub(crate) async fn unload(State(app): State<Arc<App>>, Named(model): Named) -> Answer {
    app.registry.unload(model.name()).await?;
    body(&app, &model)
}

/// Loads and warms a new generation beside the one that serves, then switches. A failure leaves the old one serving.
///
/// Without a body the same version is loaded again; `{"version": 3}` takes that one of the model's folder, forth or back, and
/// `{"version": "latest"}` the one that the configuration chooses.
#[utoipa::path(
    post, path = "/v1/models/{name}/reload", tag = "models", params(("name" = String, Path)),
    request_body(content = Option<ReloadRequest>, example = json!({"version": 3})),
    responses(
        (status = 200, body = ModelBody),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "The old one goes on serving", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn reload(State(app): State<Arc<App>>, Named(model): Named, request: Bytes) -> Answer {
    let request: ReloadRequest = read(&request, "the body must be empty or an object like {\"version\": 3}")?;
    done(match request.version {
        None => app.registry.reload(model.name()).await,
        Some(VersionName::Number(version)) => app.registry.swap(model.name(), Some(version)).await,
        Some(VersionName::Word(VersionWord::Latest)) => app.registry.swap(model.name(), None).await,
    })?;
    body(&app, &model)
}

/// Makes sure that a model is warm. With `force` it is warmed again.
#[utoipa::path(
    post, path = "/v1/models/{name}/warm-up", tag = "models", params(("name" = String, Path)),
    request_body(content = Option<WarmUpRequest>, example = json!({"force": true})),
    responses(
        (status = 200, description = "Whether it ran or was skipped, and the model with its figures", body = WarmUpAnswer),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Its load failed", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn warm_up(
    State(app): State<Arc<App>>,
    Named(model): Named,
    request: Bytes,
) -> Result<Json<WarmUpAnswer>, ApiError> {
    let request: WarmUpRequest = read(&request, "the body must be empty or an object like {\"force\": true}")?;
    let outcome = if request.force {
        done(app.registry.warm_again(model.name()).await)?;
        WarmUpOutcome::Ran
    } else {
        match model.open().await? {
            Opened::Warm(_) | Opened::Waited(_) => WarmUpOutcome::Skipped,
            Opened::Loaded(_) => WarmUpOutcome::Ran,
        }
    };
    let Json(model) = body(&app, &model)?;
    Ok(Json(WarmUpAnswer { outcome, model }))
}

/// A body that may be empty.
fn read<T: DeserializeOwned + Default>(bytes: &Bytes, unreadable: &'static str) -> Result<T, ApiError> {
    if bytes.is_empty() {
        return Ok(T::default());
    }
    serde_json::from_slice(bytes).map_err(|_| ApiError::new(Refusal::Body, unreadable))
}

/// The model that the address names. A name outside the pattern, or one that is no text, cannot be configured, so it is nobody's.
pub(crate) struct Named(ModelHandle);

impl FromRequestParts<Arc<App>> for Named {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let name = Path::<String>::from_request_parts(parts, app).await;
        known(app, &name.map_or_else(|_| String::new(), |Path(name)| name)).map(Self)
    }
}

fn known(app: &App, name: &str) -> Result<ModelHandle, ApiError> {
    if app.texts.pairs().contains_key(name) {
        let detail = "this is a pair of towers; load, unload and warm each of them by the names in its `pair`";
        return Err(ApiError::from(RunError::new(RunErrorKind::UnknownModel, detail)));
    }
    app.model(if is_name(name) { name } else { "" })
}

fn done(outcome: Result<Result<Arc<Generation>, Failure>, RunError>) -> Result<(), ApiError> {
    let failure = match outcome? {
        Ok(_) => return Ok(()),
        Err(failure) => failure,
    };
    tracing::warn!(code = failure.kind.code(), reason = failure.reason, "a model could not be loaded");
    Err(ApiError::from(&failure))
}

fn body(app: &App, model: &ModelHandle) -> Answer {
    let status = app.registry.list().into_iter().find(|status| status.name == model.name());
    status.map(|status| Json(model_body(app, &status))).ok_or_else(ApiError::internal)
}

fn pair_body(app: &App, name: &str, pair: &Pair, models: &[ModelStatus]) -> ModelBody {
    let names = pair.image.iter().chain(&pair.text);
    let statuses = names.filter_map(|tower| models.iter().find(|status| status.name == *tower));
    let towers: Vec<_> = statuses.map(|status| (status.clone(), app.metrics.work_of(&status.name))).collect();
    ModelBody::of_pair(name, pair, &towers)
}

fn model_body(app: &App, model: &ModelStatus) -> ModelBody {
    ModelBody::new(model, app.metrics.work_of(&model.name))
}
