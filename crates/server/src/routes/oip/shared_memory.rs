//! Regions of shared memory that callers register. Those of graphics cards are not served.

use super::json;
use super::target::Target;
use crate::app::App;
use crate::connection::Peer;
use crate::error::ApiError;
use axum::body::Body;
use axum::extract::State;
use axum::{Extension, Json};
use samovar_service::shared_memory::RegionStatus;
use samovar_service::{ServiceError, ServiceErrorKind};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

#[derive(Default, Deserialize)]
struct RegisterRequest {
    key: String,
    #[serde(default)]
    offset: u64,
    byte_size: u64,
}

#[derive(Serialize)]
pub(super) struct RegionBody {
    name: String,
    key: String,
    offset: u64,
    byte_size: u64,
}

#[derive(Serialize)]
pub(super) struct Nothing {}

/// The caller's regions, or one of them.
pub(super) async fn status(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    target: Target,
) -> Result<Json<Vec<RegionBody>>, ApiError> {
    let regions = app.tensors.shared_memory().status(&peer.caller, target.region.as_deref())?;
    Ok(Json(regions.into_iter().map(RegionBody::from).collect()))
}

/// Registers a region.
pub(super) async fn register(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    target: Target,
    body: Body,
) -> Result<Json<Nothing>, ApiError> {
    let asked: RegisterRequest = json::read(body).await?;
    let name = target.region.unwrap_or_default();
    app.tensors.shared_memory().register(&peer.caller, &name, &asked.key, (asked.offset, asked.byte_size))?;
    Ok(Json(Nothing {}))
}

/// Forgets one of the caller's regions, or all of them.
pub(super) async fn unregister(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    target: Target,
) -> Result<Json<Nothing>, ApiError> {
    app.tensors.shared_memory().unregister(&peer.caller, target.region.as_deref())?;
    Ok(Json(Nothing {}))
}

/// There are none.
pub(super) async fn no_cuda_regions() -> Json<Vec<RegionBody>> {
    Json(Vec::new())
}

/// Clients forget all regions before they begin: that there are none is no error.
pub(super) async fn nothing_to_unregister() -> Json<Nothing> {
    Json(Nothing {})
}

/// Memory of a card is not shared.
pub(super) async fn no_cuda() -> ApiError {
    let kind = ServiceErrorKind::Unsupported { code: "cuda_shared_memory_unsupported" };
    ServiceError::new(
        kind,
        "the memory of graphics cards is not shared with callers; send the tensor, or use system shared memory",
    )
    .into()
}

impl From<RegionStatus> for RegionBody {
    fn from(RegionStatus { name, key, offset, byte_size }: RegionStatus) -> Self {
        Self { name, key, offset, byte_size }
    }
}
