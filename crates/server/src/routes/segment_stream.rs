//! `GET /v1/streams/segment`: opens a live segmentation stream over WebSocket.

use crate::app::App;
use crate::connection::Peer;
use crate::error::ApiError;
use crate::origin;
use crate::segment_live::SegmentOpening;
use crate::segment_query::SegmentQuery;
use crate::wire::Problem;
use axum::Extension;
use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::response::Response;
use http::{HeaderMap, Uri};
use std::sync::Arc;
use tokio::time::Instant;

/// Opens a live segmentation stream (WebSocket).
///
/// As the stream of detections, with masks in place of boxes, and with modes: a text message
/// `{"type":"mode","mode":"sota"}` makes that mode's model ready while frames go on in the old one, and switches between two frames
/// when it is warm. `mode=auto` leaves the choice to the server, by `deadline_ms`.
#[utoipa::path(
    get, path = "/v1/streams/segment", tag = "streams", params(SegmentQuery),
    responses(
        (status = 101, description = "A WebSocket: see SegmentEventBody, StreamNotice and SegmentControl"),
        (status = 400, description = "The query, or no such mode", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "A page of another origin", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such model", body = Problem, content_type = "application/problem+json"),
        (status = 426, description = "Not a WebSocket client", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Too many streams", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn open_segment(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    query: SegmentQuery,
    (headers, uri): (HeaderMap, Uri),
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, ApiError> {
    let asked = Instant::now();
    origin::check(&headers, &uri, &app.options)?;
    let target = app.segment_target(query.model.as_deref(), query.mode.as_deref())?;
    super::upgrade::upgrade(app, peer, asked, SegmentOpening { query, target }, upgrade)
}
