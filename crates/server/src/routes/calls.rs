//! Calls that are kept: which there are, what was said in them, their sound, and forgetting them.

use crate::app::App;
use crate::calls::CallDesk;
use crate::connection::Peer;
use crate::error::{ApiError, Refusal};
use crate::json_body::json_answer;
use crate::wire::{CallBody, CallDetailBody, CallList, Problem};
use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequestParts, Path, Query, Request, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_DISPOSITION};
use http::request::Parts;
use samovar_calls::{CallErrorKind, CallFilter, CallId, CallTime};
use samovar_service::access::Caller;
use samovar_triage::Priority;
use serde::Deserialize;
use std::sync::Arc;
use tower::ServiceExt;
use tower_http::services::ServeFile;
use utoipa::IntoParams;

/// Which calls are asked for.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct CallsQuery {
    /// With all of these words in what was said; the last may be the beginning of one.
    #[param(example = "mill road")]
    text: Option<String>,
    /// At least as urgent, `P1` to `P5`.
    #[param(example = "P2")]
    priority: Option<String>,
    /// About this.
    #[param(example = "fire")]
    category: Option<String>,
    /// Begun at this time or later, in milliseconds of Unix time.
    since_ms: Option<u64>,
    /// So many at most, 1 to 1,000; 50 where left out.
    #[param(example = 50)]
    limit: Option<usize>,
    /// Those behind: `next` of the answer before.
    after: Option<u64>,
}

/// Calls, the newest first, without what was said. With keys those of the key that asks, of an administrator everybody's; without, on this
/// machine everybody's, from elsewhere those of the address that asks.
#[utoipa::path(
    get, path = "/v1/calls", tag = "calls", params(CallsQuery),
    responses(
        (status = 200, body = CallList),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No calls are kept here", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    query: Result<Query<CallsQuery>, QueryRejection>,
) -> Result<Json<CallList>, ApiError> {
    let unreadable =
        |_| ApiError::new(Refusal::Query, "the query takes text, priority, category, since_ms, limit and after");
    let Query(query) = query.map_err(unreadable)?;
    let desk = desk(&app)?;
    let limit = query.limit.unwrap_or(LIST_DEFAULT);
    if !(1..=LIST_MAX).contains(&limit) {
        return Err(ApiError::new(Refusal::Option, "`limit` must be from 1 to 1,000").about("limit"));
    }
    let priority = query.priority.as_deref().map(priority).transpose()?;
    let CallsQuery { text, category, since_ms, after, .. } = query;
    let since = since_ms.map(CallTime);
    let filter = CallFilter { owner: None, text, priority, category, since, after, limit };
    let (calls, next) = desk.list(&peer.caller, filter).await?;
    let data = calls.iter().map(CallBody::from).collect();
    Ok(Json(CallList { object: "list", data, next: next.map(|next| next.to_string()) }))
}

const LIST_DEFAULT: usize = 50;
const LIST_MAX: usize = 1_000;

/// One call, with everything that is kept of it.
#[utoipa::path(
    get, path = "/v1/calls/{id}", tag = "calls", params(("id" = String, Path)),
    responses(
        (status = 200, body = CallDetailBody),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn show(call: NamedCall) -> Result<Response, ApiError> {
    let body = CallDetailBody::from(call.desk.get(&call.caller, call.id).await?);
    let numbers = body.numbers();
    json_answer(body, numbers).await
}

/// Forgets a call: its words, its figures, its decisions and its sound. What was deleted is overwritten in the file.
#[utoipa::path(
    delete, path = "/v1/calls/{id}", tag = "calls", params(("id" = String, Path)),
    responses(
        (status = 204, description = "It is gone"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn remove(call: NamedCall) -> Result<StatusCode, ApiError> {
    call.desk.delete(&call.caller, call.id).await?;
    tracing::info!(call = %call.id, "a call was deleted");
    Ok(StatusCode::NO_CONTENT)
}

/// The sound of a call: mono, 16 kHz, 16 bits. Parts of it are given to players that ask for ranges.
#[utoipa::path(
    get, path = "/v1/calls/{id}/audio", tag = "calls", params(("id" = String, Path)),
    responses(
        (status = 200, description = "The sound", content_type = "audio/x-wav"),
        (status = 206, description = "A range of it", content_type = "audio/x-wav"),
        (status = 404, description = "There is no such call, or its sound is not kept", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn audio(call: NamedCall, request: Request) -> Result<Response, ApiError> {
    let none = || ApiError::new(Refusal::CallAudio, "the sound of this call is not kept");
    let path = call.desk.audio(&call.caller, call.id).await?.ok_or_else(none)?;
    let answer = match ServeFile::new(path).oneshot(request).await {
        Ok(answer) => answer,
        Err(never) => match never {},
    };
    // Removed in this very moment.
    if answer.status() == StatusCode::NOT_FOUND {
        return Err(none());
    }
    let name = format!("attachment; filename=\"{}.wav\"", call.id);
    Ok(([(CONTENT_DISPOSITION, name.as_str()), (CACHE_CONTROL, "private, no-store")], answer).into_response())
}

/// The call that the address names, and who asks for it. What is no name of one is nobody's.
pub(crate) struct NamedCall {
    desk: Arc<CallDesk>,
    caller: Caller,
    id: CallId,
}

impl FromRequestParts<Arc<App>> for NamedCall {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let desk = Arc::clone(desk(app)?);
        let name = Path::<String>::from_request_parts(parts, app).await;
        let id = name.ok().and_then(|Path(name)| CallId::parse(&name)).ok_or_else(unknown)?;
        let caller = parts.extensions.get::<Peer>().ok_or_else(unknown)?.caller.clone();
        Ok(Self { desk, caller, id })
    }
}

fn desk(app: &App) -> Result<&Arc<CallDesk>, ApiError> {
    app.calls.as_ref().ok_or_else(|| ApiError::new(Refusal::CallsOff, "no calls are kept here"))
}

fn unknown() -> ApiError {
    ApiError::from(samovar_calls::CallError::new(CallErrorKind::Unknown))
}

fn priority(word: &str) -> Result<Priority, ApiError> {
    let none = || ApiError::new(Refusal::Option, "`priority` is P1, P2, P3, P4 or P5").about("priority");
    Priority::parse(word).ok_or_else(none)
}
