//! `GET /v1/streams/call`: opens a live call over WebSocket.

use super::upgrade::{place, upgrade_at};
use crate::app::App;
use crate::call_live::CallOpening;
use crate::call_query::CallQuery;
use crate::calls::OpenCall;
use crate::connection::Peer;
use crate::error::ApiError;
use crate::origin;
use crate::wire::Problem;
use axum::Extension;
use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::response::Response;
use http::{HeaderMap, Uri};
use parking_lot::Mutex;
use samovar_calls::CallOrigin;
use samovar_service::access::Caller;
use std::sync::Arc;
use tokio::time::Instant;

/// Opens a live call (WebSocket).
///
/// The server sends `ready` at once, also while the models are being loaded; each binary message is a piece of sound, cut anywhere. What
/// is said comes as `partial` and `final`, how it sounds as `features` once a second, how urgent it is as `triage`. The text message
/// `{"type":"end"}` says that no more sound comes: the rest is told, then `ended`, and the server closes.
#[utoipa::path(
    get, path = "/v1/streams/call", tag = "streams", params(CallQuery),
    responses(
        (status = 101, description = "A WebSocket: see CallEventBody and CallControl"),
        (status = 400, description = "The query, or no model", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "A page of another origin", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such model", body = Problem, content_type = "application/problem+json"),
        (status = 426, description = "Not a WebSocket client", body = Problem, content_type = "application/problem+json"),
        (status = 501, description = "No decoder for coded sound", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Too many streams", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn open_call(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    query: CallQuery,
    (headers, uri): (HeaderMap, Uri),
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, ApiError> {
    let asked = Instant::now();
    origin::check(&headers, &uri, &app.options)?;
    let place = place(&app, upgrade)?;
    let models = query.models(&app).await?;
    let (sound, decoder) = query.sound(&app)?;
    let kept = match query.label() {
        Some(label) => begin(&app, &peer.caller, label).await,
        None => None,
    };
    let opening = CallOpening { query, models, sound, _decoder: decoder, kept: Mutex::new(kept) };
    Ok(upgrade_at(place, app, peer, asked, opening))
}

/// Begins to keep a call, where calls are kept. One that cannot be kept is heard all the same, and its `ready` says so.
pub(super) async fn begin(app: &App, caller: &Caller, label: Option<String>) -> Option<OpenCall> {
    let begun = app.calls.as_ref()?.begin(caller, CallOrigin::Live, label).await;
    begun.inspect_err(|error| tracing::warn!(code = error.kind().code(), "a live call cannot be kept")).ok()
}
