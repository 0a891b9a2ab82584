//! `GET /v1/streams/anomaly`: opens a live anomaly stream over WebSocket.

use crate::anomaly_live::AnomalyOpening;
use crate::anomaly_query::AnomalyQuery;
use crate::app::App;
use crate::connection::Peer;
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

/// Opens a live anomaly stream (WebSocket).
///
/// As the stream of detections, with people who are followed, their key points and how unusual they move in place of boxes, and with
/// events: `person.appeared`, `person.left`, `anomaly.started`, `anomaly.updated`, `anomaly.ended`. Events are never left out for newer
/// frames. A text message `{"type":"options","score_start":4.0}` changes thresholds, zones and the schedule while the stream runs.
#[utoipa::path(
    get, path = "/v1/streams/anomaly", tag = "streams", params(AnomalyQuery),
    responses(
        (status = 101, description = "A WebSocket: see AnomalyMessageBody, StreamNotice and AnomalyControl"),
        (status = 400, description = "The query or an option", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "A page of another origin", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such model", body = Problem, content_type = "application/problem+json"),
        (status = 426, description = "Not a WebSocket client", body = Problem, content_type = "application/problem+json"),
        (status = 501, description = "No decoder for H.264", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Too many streams", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn open_anomaly(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    query: AnomalyQuery,
    (headers, uri): (HeaderMap, Uri),
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, ApiError> {
    let asked = Instant::now();
    origin::check(&headers, &uri, &app.options)?;
    let models = app.anomaly_models(query.names())?;
    let own = app.options.anomaly.as_ref().map(|settings| settings.options.clone()).unwrap_or_default();
    let options = query.options(&own)?;
    let place = IntakePlace::take(query.format(), &app)?;
    super::upgrade::upgrade(app, peer, asked, AnomalyOpening { query, models, options, place }, upgrade)
}
