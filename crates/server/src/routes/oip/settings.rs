//! Trace and log settings.

use super::json;
use super::target::Target;
use crate::app::App;
use crate::connection::Peer;
use crate::error::ApiError;
use crate::wire::oip::{LogBody, ParametersBody, TraceBody, TraceChanges};
use axum::body::Body;
use axum::extract::State;
use axum::{Extension, Json};
use std::sync::Arc;

/// Trace settings of a model or of the server.
pub(super) async fn trace(State(app): State<Arc<App>>, target: Target) -> Result<Json<TraceBody>, ApiError> {
    Ok(Json(app.tensors.trace(target.model.as_deref())?.into()))
}

/// Keeps trace settings and tells them all.
pub(super) async fn set_trace(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    target: Target,
    body: Body,
) -> Result<Json<TraceBody>, ApiError> {
    let changes: Option<TraceChanges> = json::read(body).await?;
    let changes = changes.map(TraceChanges::into_changes).unwrap_or_default();
    Ok(Json(app.tensors.set_trace(&peer.caller, target.model.as_deref(), changes)?.into()))
}

/// Log settings.
pub(super) async fn log(State(app): State<Arc<App>>) -> Json<LogBody> {
    Json(app.tensors.log().into())
}

/// Sets what the process logs, and tells all of it.
pub(super) async fn set_log(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    body: Body,
) -> Result<Json<LogBody>, ApiError> {
    let ParametersBody(changes) = json::read(body).await?;
    let settings = LogBody::changed(app.tensors.log(), changes)?;
    Ok(Json(app.tensors.set_log(&peer.caller, settings)?.into()))
}
