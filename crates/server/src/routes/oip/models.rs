//! What the server and its models say of themselves.

use super::target::Target;
use crate::app::App;
use crate::error::ApiError;
use crate::routes::health::is_ready;
use crate::wire::oip::{ConfigBody, ModelMetadataBody, ServerMetadataBody, StatisticsBody};
use axum::Json;
use axum::extract::State;
use http::StatusCode;
use serde::Serialize;
use std::sync::Arc;

/// The server's name, version and extensions.
pub(super) async fn server(State(app): State<Arc<App>>) -> Json<ServerMetadataBody> {
    Json(app.tensors.server(app.options.shared_memory.is_some()).into())
}

#[derive(Serialize)]
pub(super) struct LiveBody {
    live: bool,
}

/// Whether the process is there. Always yes.
pub(super) async fn live() -> Json<LiveBody> {
    Json(LiveBody { live: true })
}

#[derive(Serialize)]
pub(super) struct ReadyBody {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    ready: bool,
}

/// Whether requests may be sent here: the same question as `/health/ready`.
pub(super) async fn server_ready(State(app): State<Arc<App>>) -> (StatusCode, Json<ReadyBody>) {
    readiness(None, is_ready(&app, &app.registry.list()))
}

/// Whether a model serves at this moment. Asking does not load it.
pub(super) async fn ready(
    State(app): State<Arc<App>>,
    target: Target,
) -> Result<(StatusCode, Json<ReadyBody>), ApiError> {
    let ready = app.tensors.ready(target.model(), target.version())?;
    Ok(readiness(target.model, ready))
}

/// Clients look at the status or at the body.
fn readiness(name: Option<String>, ready: bool) -> (StatusCode, Json<ReadyBody>) {
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(ReadyBody { name, ready }))
}

#[derive(Serialize)]
pub(super) struct ListBody {
    models: Vec<String>,
}

/// The names of all models, as KServe's clients ask for them.
pub(super) async fn list(State(app): State<Arc<App>>) -> Json<ListBody> {
    Json(ListBody { models: app.registry.list().into_iter().map(|model| model.name).collect() })
}

/// What a model says of itself.
pub(super) async fn metadata(State(app): State<Arc<App>>, target: Target) -> Result<Json<ModelMetadataBody>, ApiError> {
    Ok(Json(app.tensors.metadata(target.model(), target.version()).await?.into()))
}

/// A model's configuration.
pub(super) async fn config(State(app): State<Arc<App>>, target: Target) -> Result<Json<ConfigBody>, ApiError> {
    Ok(Json(app.tensors.config(target.model(), target.version()).await?.into()))
}

/// What a model, or each of them, has done.
pub(super) async fn statistics(State(app): State<Arc<App>>, target: Target) -> Result<Json<StatisticsBody>, ApiError> {
    Ok(Json(app.tensors.statistics(target.model.as_deref(), target.version())?.into()))
}
