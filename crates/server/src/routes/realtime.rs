//! `/v1/realtime`: OpenAI's realtime transcription.

use super::call_stream::begin;
use super::upgrade::{place, upgrade_at};
use crate::app::App;
use crate::connection::Peer;
use crate::error::{ApiError, Refusal};
use crate::origin;
use crate::realtime::{RealtimeOpening, RealtimeQuery};
use crate::wire::OpenAiError;
use axum::Extension;
use axum::extract::rejection::QueryRejection;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{Query, State};
use axum::response::Response;
use http::{HeaderMap, Uri};
use parking_lot::Mutex;
use samovar_pipelines::CallModels;
use std::sync::Arc;
use tokio::time::Instant;

/// Opens a realtime transcription session as OpenAI's clients do (WebSocket).
///
/// Sound comes in `input_audio_buffer.append`, text goes in `conversation.item.input_audio_transcription.delta` and `.completed`. Of
/// realtime sessions only those that transcribe are there.
#[utoipa::path(
    get, path = "/v1/realtime", tag = "streams", params(RealtimeQuery),
    responses(
        (status = 101, description = "A WebSocket: see RealtimeEvent"),
        (status = 400, description = "The query, or no model", body = OpenAiError),
        (status = 403, description = "A page of another origin", body = OpenAiError),
        (status = 404, description = "No such model", body = OpenAiError),
        (status = 426, description = "Not a WebSocket client", body = OpenAiError),
        (status = 503, description = "Too many streams", body = OpenAiError),
    ),
)]
pub(crate) async fn open_realtime(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    query: Result<Query<RealtimeQuery>, QueryRejection>,
    (headers, uri): (HeaderMap, Uri),
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, ApiError> {
    let asked = Instant::now();
    origin::check(&headers, &uri, &app.options)?;
    let Query(query) = query.map_err(|_| ApiError::new(Refusal::Query, "the query takes intent and model"))?;
    query.check()?;
    let place = place(&app, upgrade)?;
    let deadline = app.deadline(None);
    let transcriber = app.speech.transcriber(query.model.as_deref(), deadline).await?;
    let voices = app.speech.voice_detector(&transcriber, deadline).await?;
    let models = CallModels { transcriber, voices };
    let kept = begin(&app, &peer.caller, None).await;
    let opening = RealtimeOpening { models, is_old: RealtimeOpening::is_old(&headers), kept: Mutex::new(kept) };
    Ok(upgrade_at(place, app, peer, asked, opening))
}

/// Refuses to make a secret for a client: keys are the configuration's alone.
#[utoipa::path(post, path = "/v1/realtime/transcription_sessions", tag = "streams", responses(
    (status = 501, description = "No secrets are made", body = OpenAiError),
))]
pub(crate) async fn create_session() -> ApiError {
    let detail = "no secrets are made for clients; open /v1/realtime with a key, and choose by session.update";
    ApiError::new(Refusal::ClientSecrets, detail)
}

/// The same at its newer address.
#[utoipa::path(post, path = "/v1/realtime/client_secrets", tag = "streams", responses(
    (status = 501, description = "No secrets are made", body = OpenAiError),
))]
pub(crate) async fn create_secret() -> ApiError {
    create_session().await
}
