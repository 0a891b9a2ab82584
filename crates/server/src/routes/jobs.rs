//! Recorded media that were handed in: which there are, how far they are, ending them, trying them again, forgetting them.

use crate::app::App;
use crate::connection::Peer;
use crate::error::{ApiError, Refusal};
use crate::jobs::{JobDesk, remove_later};
use crate::wire::{JobBody, JobList, Problem};
use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequestParts, Path, Query, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use http::StatusCode;
use http::request::Parts;
use samovar_jobs::{JobErrorKind, JobFilter, JobId, JobState, JobTime};
use serde::Deserialize;
use std::sync::Arc;
use utoipa::IntoParams;

/// Which jobs are asked for.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct JobsQuery {
    /// In this state alone: `queued`, `running`, `done`, `failed` or `cancelled`.
    #[param(example = "running")]
    state: Option<String>,
    /// So many at most, 1 to 200; 50 where left out.
    #[param(example = 50)]
    limit: Option<usize>,
    /// Those accepted before this job: to go on where a list has ended, give its last `id`.
    before: Option<String>,
}

/// Jobs, the newest first. With keys those of the key that asks; without, on this machine everybody's, from elsewhere those of the
/// address that asks.
#[utoipa::path(
    get, path = "/v1/jobs", tag = "jobs", params(JobsQuery),
    responses(
        (status = 200, body = JobList),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No jobs are taken here", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    query: Result<Query<JobsQuery>, QueryRejection>,
) -> Result<Json<JobList>, ApiError> {
    let unreadable = |_| ApiError::new(Refusal::Query, "the query takes state, limit and before");
    let Query(query) = query.map_err(unreadable)?;
    let desk = desk(&app)?;
    let limit = query.limit.unwrap_or(LIST_DEFAULT);
    if !(1..=LIST_MAX).contains(&limit) {
        return Err(ApiError::new(Refusal::Option, "`limit` must be from 1 to 200"));
    }
    let no_state = || ApiError::new(Refusal::Option, "`state` is queued, running, done, failed or cancelled");
    let state = query.state.map(|word| JobState::parse(&word).ok_or_else(no_state)).transpose()?;
    let before = query.before.map(|id| JobId::parse(&id).ok_or_else(unknown)).transpose()?;
    let owner = (!peer.caller.sees_all()).then(|| peer.caller.name.to_string());
    let filter = JobFilter { owner, state, before, limit: limit + 1 };
    let jobs = desk.queue().list(filter).await?;
    let data = jobs.iter().take(limit).map(JobBody::brief).collect();
    Ok(Json(JobList { object: "list", data, has_more: jobs.len() > limit }))
}

const LIST_DEFAULT: usize = 50;
const LIST_MAX: usize = 200;

/// One job, with what came of it where it is done.
#[utoipa::path(
    get, path = "/v1/jobs/{id}", tag = "jobs", params(("id" = String, Path)),
    responses(
        (status = 200, body = JobBody),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn show(Named { desk, id }: Named) -> Result<Json<JobBody>, ApiError> {
    Ok(Json(JobBody::whole(&desk.queue().get(id).await?)))
}

/// Asks for a job's end: one that waits has ended at once, one that runs within about a second.
#[utoipa::path(
    post, path = "/v1/jobs/{id}/cancel", tag = "jobs", params(("id" = String, Path)),
    responses(
        (status = 200, description = "It has ended", body = JobBody),
        (status = 202, description = "It runs, and will end", body = JobBody),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "It has come to another end", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn cancel(Named { desk, id }: Named) -> Result<Response, ApiError> {
    let job = desk.queue().cancel(id, JobTime::now()).await?;
    let status = if job.state.is_end() { StatusCode::OK } else { StatusCode::ACCEPTED };
    Ok((status, Json(JobBody::whole(&job))).into_response())
}

/// Lets a job that was given up or cancelled wait again, with all its attempts. It goes on where it was.
#[utoipa::path(
    post, path = "/v1/jobs/{id}/retry", tag = "jobs", params(("id" = String, Path)),
    responses(
        (status = 202, description = "It waits", body = JobBody),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "It was neither given up nor cancelled", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "As many jobs wait as may", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn retry(Named { desk, id }: Named) -> Result<Response, ApiError> {
    let job = desk.queue().retry(id, JobTime::now()).await?;
    Ok((StatusCode::ACCEPTED, Json(JobBody::whole(&job))).into_response())
}

/// Forgets a job with its video and its results. One that runs is asked to end instead; ask again when it has.
#[utoipa::path(
    delete, path = "/v1/jobs/{id}", tag = "jobs", params(("id" = String, Path)),
    responses(
        (status = 202, description = "It runs, and will end", body = JobBody),
        (status = 204, description = "It is gone"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn remove(Named { desk, id }: Named) -> Result<Response, ApiError> {
    let mut job = desk.queue().get(id).await?;
    if !job.state.is_end() {
        job = match desk.queue().cancel(id, JobTime::now()).await {
            Ok(job) => job,
            // It has come to its end in this very moment.
            Err(error) if error.kind() == JobErrorKind::State => desk.queue().get(id).await?,
            Err(error) => return Err(error.into()),
        };
    }
    if !job.state.is_end() {
        return Ok((StatusCode::ACCEPTED, Json(JobBody::whole(&job))).into_response());
    }
    desk.queue().delete(id).await?;
    remove_later(desk.folder(id).path().to_owned());
    tracing::info!(job = %id, "a job was deleted");
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// The job that the address names. What is no name of one is nobody's, and so is, with keys, another key's.
pub(crate) struct Named {
    pub(super) desk: Arc<JobDesk>,
    pub(super) id: JobId,
}

impl FromRequestParts<Arc<App>> for Named {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let desk = Arc::clone(desk(app)?);
        let names = Path::<Vec<(String, String)>>::from_request_parts(parts, app).await;
        let id = names
            .ok()
            .and_then(|Path(names)| names.iter().find_map(|(key, name)| (key == "id").then(|| JobId::parse(name))));
        let named = Self { desk, id: id.flatten().ok_or_else(unknown)? };
        named.check_owner(parts.extensions.get::<Peer>()).await?;
        Ok(named)
    }
}

impl Named {
    /// Lets through who may look at the job.
    async fn check_owner(&self, peer: Option<&Peer>) -> Result<(), ApiError> {
        let caller = &peer.ok_or_else(unknown)?.caller;
        // Whoever may look at the server's own may look at everything.
        if caller.may_see(None) {
            return Ok(());
        }
        let job = self.desk.queue().get(self.id).await?;
        if caller.may_see(Some(&job.owner)) { Ok(()) } else { Err(unknown()) }
    }
}

/// Where jobs are handed in and asked for.
pub(super) fn desk(app: &App) -> Result<&Arc<JobDesk>, ApiError> {
    app.jobs.as_ref().ok_or_else(|| ApiError::new(Refusal::JobsOff, "no jobs are taken here"))
}

pub(super) fn unknown() -> ApiError {
    ApiError::new(Refusal::Job(JobErrorKind::Unknown), "there is no job of this name")
}
