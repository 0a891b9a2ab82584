//! Models as a repository: listed, loaded, unloaded.

use super::json;
use super::target::Target;
use crate::app::App;
use crate::connection::Peer;
use crate::error::ApiError;
use crate::wire::oip::ParametersBody;
use axum::body::Body;
use axum::extract::State;
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

#[derive(Default, Deserialize)]
struct IndexRequest {
    #[serde(default)]
    ready: bool,
}

#[derive(Serialize)]
pub(super) struct IndexBody {
    name: String,
    version: String,
    state: &'static str,
    reason: String,
}

#[derive(Default, Deserialize)]
struct LoadRequest {
    #[serde(default)]
    parameters: ParametersBody,
}

/// What KServe's clients read of a load and an unload; Triton's read nothing.
#[derive(Serialize)]
pub(super) struct LoadBody {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    load: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unload: Option<bool>,
}

/// Every configured model, or with `{"ready": true}` those that serve.
pub(super) async fn index(State(app): State<Arc<App>>, body: Body) -> Result<Json<Vec<IndexBody>>, ApiError> {
    let IndexRequest { ready } = json::read(body).await?;
    let entries = app.tensors.index(ready).into_iter();
    Ok(Json(
        entries
            .map(|entry| IndexBody {
                name: entry.name,
                version: entry.version,
                state: entry.state,
                reason: entry.reason,
            })
            .collect(),
    ))
}

/// Loads and warms a model, unless it is.
pub(super) async fn load(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    target: Target,
    body: Body,
) -> Result<Json<LoadBody>, ApiError> {
    let LoadRequest { parameters } = json::read(body).await?;
    app.tensors.load(&peer.caller, target.model(), &parameters.0).await?;
    Ok(Json(LoadBody { name: target.model.unwrap_or_default(), load: Some(true), unload: None }))
}

/// Finishes accepted work and frees a model. Nothing depends on it, so that `unload_dependents` asks for nothing more.
pub(super) async fn unload(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    target: Target,
    body: Body,
) -> Result<Json<LoadBody>, ApiError> {
    let LoadRequest { .. } = json::read(body).await?;
    app.tensors.unload(&peer.caller, target.model()).await?;
    Ok(Json(LoadBody { name: target.model.unwrap_or_default(), load: None, unload: Some(true) }))
}
