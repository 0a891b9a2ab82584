//! `GET /v1/streams/detect`: opens a live stream over WebSocket.

use crate::app::App;
use crate::connection::Peer;
use crate::detect_live::DetectOpening;
use crate::detect_query::DetectQuery;
use crate::error::ApiError;
use crate::origin;
use crate::stream_intake::IntakePlace;
use crate::wire::Problem;
use axum::Extension;
use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::response::Response;
use http::{HeaderMap, Uri};
use std::sync::Arc;
use tokio::time::Instant;

/// Opens a live stream (WebSocket).
///
/// The server sends `ready`; then each binary message is one JPEG, PNG or WebP picture, numbered from 0 in the order of
/// arrival, and is answered by `result`, `dropped` (newer frames took its place, or it waited too long) or `error` (the stream goes on). A text
/// message `{"type":"options","score_min":0.5}` changes the thresholds while the stream runs.
#[utoipa::path(
    get, path = "/v1/streams/detect", tag = "streams", params(DetectQuery),
    responses(
        (status = 101, description = "A WebSocket: see StreamEventBody, StreamNotice and Control"),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "A page of another origin", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such model", body = Problem, content_type = "application/problem+json"),
        (status = 426, description = "Not a WebSocket client", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Too many streams", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn open(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    query: DetectQuery,
    (headers, uri): (HeaderMap, Uri),
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, ApiError> {
    let asked = Instant::now();
    origin::check(&headers, &uri, &app.options)?;
    let detector = app.detector(query.model.as_deref())?;
    let place = IntakePlace::take(query.format(), &app)?;
    super::upgrade::upgrade(app, peer, asked, DetectOpening { query, detector, place }, upgrade)
}
