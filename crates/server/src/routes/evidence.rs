//! What is kept of anomalies: lists, events, pictures, clips.

use crate::app::App;
use crate::error::{ApiError, Refusal};
use crate::evidence::{Evidence, EvidencePart, EvidenceSearch};
use crate::random_id::RandomId;
use crate::wire::{EvidenceBody, EvidenceList, Problem};
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequestParts, Path, Query, Request, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::request::Parts;
use serde::Deserialize;
use std::sync::Arc;
use tower::ServiceExt;
use tower_http::services::ServeFile;
use utoipa::IntoParams;

/// Which evidence is asked for.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct EvidenceQuery {
    /// Of this source alone.
    #[param(example = "yard")]
    source: Option<String>,
    /// From this time on, in milliseconds of Unix time.
    since_ms: Option<u64>,
    /// Before this time: to go on where a list has ended, give the last `time_unix_ms`.
    until_ms: Option<u64>,
    /// So many at most, 1 to 1,000.
    #[param(example = 100)]
    limit: Option<usize>,
}

/// What is kept of anomalies, newest first.
#[utoipa::path(
    get, path = "/v1/evidence", tag = "evidence", params(EvidenceQuery),
    responses(
        (status = 200, body = EvidenceList),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No evidence is kept here", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    query: Result<Query<EvidenceQuery>, QueryRejection>,
) -> Result<Json<EvidenceList>, ApiError> {
    let unreadable = |_| ApiError::new(Refusal::Query, "the query takes source, since_ms, until_ms and limit");
    let Query(query) = query.map_err(unreadable)?;
    let count_max = query.limit.unwrap_or(LIST_DEFAULT);
    if !(1..=LIST_MAX).contains(&count_max) {
        return Err(ApiError::new(Refusal::Option, "`limit` must be from 1 to 1,000"));
    }
    let EvidenceQuery { source, since_ms, until_ms, .. } = query;
    let search = EvidenceSearch { source, since_unix_ms: since_ms.unwrap_or(0), until_unix_ms: until_ms, count_max };
    let found = kept(&app)?.find(&search);
    Ok(Json(EvidenceList { object: "list", data: found.iter().map(EvidenceBody::from).collect() }))
}

const LIST_DEFAULT: usize = 100;
const LIST_MAX: usize = 1_000;

/// What is kept of one anomaly, with its event.
#[utoipa::path(
    get, path = "/v1/evidence/{id}", tag = "evidence", params(("id" = String, Path)),
    responses(
        (status = 200, body = EvidenceBody),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn show(Piece(evidence, id): Piece) -> Result<Json<EvidenceBody>, ApiError> {
    let mut body = EvidenceBody::from(&evidence.facts(id).ok_or_else(unknown)?);
    let read = tokio::task::spawn_blocking(move || evidence.event(id)).await;
    body.event = read.map_err(|_| ApiError::internal())?;
    Ok(Json(body))
}

/// The annotated picture.
#[utoipa::path(
    get, path = "/v1/evidence/{id}/snapshot.jpg", tag = "evidence", params(("id" = String, Path)),
    responses(
        (status = 200, description = "The picture", content_type = "image/jpeg"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn snapshot(piece: Piece, request: Request) -> Result<Response, ApiError> {
    file(piece, EvidencePart::Snapshot, request).await
}

/// The clip. Parts of it are given to players that ask for ranges.
#[utoipa::path(
    get, path = "/v1/evidence/{id}/clip.mp4", tag = "evidence", params(("id" = String, Path)),
    responses(
        (status = 200, description = "The clip", content_type = "video/mp4"),
        (status = 206, description = "A range of it", content_type = "video/mp4"),
        (status = 404, description = "There is none, or none yet", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn clip(piece: Piece, request: Request) -> Result<Response, ApiError> {
    file(piece, EvidencePart::Clip, request).await
}

/// Removes what is kept of one anomaly.
#[utoipa::path(
    delete, path = "/v1/evidence/{id}", tag = "evidence", params(("id" = String, Path)),
    responses(
        (status = 204, description = "It is gone"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn remove(Piece(evidence, id): Piece) -> Result<StatusCode, ApiError> {
    let removed = tokio::task::spawn_blocking(move || evidence.remove(id)).await;
    match removed.map_err(|_| ApiError::internal())? {
        Ok(true) => Ok(StatusCode::NO_CONTENT),
        Ok(false) => Err(unknown()),
        Err(error) => {
            tracing::error!(%id, %error, "evidence cannot be removed");
            Err(ApiError::internal())
        }
    }
}

/// The piece that the address names. What is no name of one is nobody's.
pub(crate) struct Piece(Arc<Evidence>, RandomId);

impl FromRequestParts<Arc<App>> for Piece {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let evidence = kept(app)?;
        let name = Path::<String>::from_request_parts(parts, app).await;
        let id = name.ok().and_then(|Path(name)| RandomId::parse(&name)).ok_or_else(unknown)?;
        Ok(Self(Arc::clone(evidence), id))
    }
}

async fn file(Piece(evidence, id): Piece, part: EvidencePart, request: Request) -> Result<Response, ApiError> {
    let path = evidence.path(id, part).ok_or_else(unknown)?;
    let answer = match ServeFile::new(path).oneshot(request).await {
        Ok(answer) => answer,
        Err(never) => match never {},
    };
    // Removed in this very moment.
    if answer.status() == StatusCode::NOT_FOUND { Err(unknown()) } else { Ok(answer.into_response()) }
}

fn kept(app: &App) -> Result<&Arc<Evidence>, ApiError> {
    let none =
        || ApiError::new(Refusal::Evidence, "no evidence is kept here; set `evidence.folder` in the configuration");
    app.evidence.as_ref().ok_or_else(none)
}

fn unknown() -> ApiError {
    ApiError::new(Refusal::Evidence, "there is no evidence of this name, or not this part of it, or not yet")
}
