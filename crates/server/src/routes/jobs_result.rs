//! What came of a job: its results in every format, and the files that were written besides.

use super::jobs::{Named, unknown};
use crate::app::App;
use crate::error::{ApiError, Refusal};
use crate::jobs::JobDesk;
use crate::wire::Problem;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, Request, State};
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, StatusCode};
use samovar_jobs::{Job, JobErrorKind, JobId, JobState};
use samovar_recorded::{Export, ResultFormat, TaskResult, VideoTask};
use serde::Deserialize;
use std::path::{Component, PathBuf};
use std::sync::Arc;
use tower::ServiceExt;
use tower_http::services::ServeFile;
use utoipa::IntoParams;

/// In which form the results are asked for.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ResultQuery {
    /// `jsonl` (where left out), `csv`, `parquet`, `coco` or `mot`.
    #[param(example = "csv")]
    format: Option<String>,
    /// Follow objects from frame to frame, and write who is who.
    #[serde(default)]
    track: bool,
}

/// What was found, as a file of the format that is asked for. Parts of it are given to who asks for ranges.
#[utoipa::path(
    get, path = "/v1/jobs/{id}/result", tag = "jobs", params(("id" = String, Path), ResultQuery),
    responses(
        (status = 200, description = "The file", content(
            (String = "application/x-ndjson"), (String = "text/csv"), (Vec<u8> = "application/vnd.apache.parquet"),
            (String = "application/json"), (String = "text/plain"),
        )),
        (status = 206, description = "A range of it"),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "It is not done", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "Too many at once", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The disk is full", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn result(
    State(app): State<Arc<App>>,
    Named { desk, id }: Named,
    query: Result<Query<ResultQuery>, QueryRejection>,
    request: Request,
) -> Result<Response, ApiError> {
    let unreadable = |_| ApiError::new(Refusal::Query, "the query takes format and track (true or false)");
    let Query(query) = query.map_err(unreadable)?;
    let no_format = || ApiError::new(Refusal::Option, "`format` is jsonl, csv, parquet, coco or mot");
    let format = query.format.as_deref().map(|word| ResultFormat::parse(word).ok_or_else(no_format)).transpose()?;
    let format = format.unwrap_or_default();
    let job = desk.queue().get(id).await?;
    let came = came(&job)?;
    let export = Export { format, track: query.track };
    let journal = plain(&came.journal).ok_or_else(ApiError::internal)?;
    let file = desk.exports.file(&desk.folder(id), journal, &export, app.options.limits.request_time).await?;
    let name = format!("{}.{}", stem(&job), format.extension());
    let mut answer = file_answer(file, request).await?;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(format.media_type()));
    headers.insert(CONTENT_DISPOSITION, attachment(&name));
    Ok(answer)
}

/// A file that the job has written besides: the report, the video with its boxes, a small picture.
#[utoipa::path(
    get, path = "/v1/jobs/{id}/files/{name}", tag = "jobs", params(("id" = String, Path), ("name" = String, Path)),
    responses(
        (status = 200, description = "The file", content((String = "text/html"), (Vec<u8> = "video/mp4"), (Vec<u8> = "image/jpeg"))),
        (status = 206, description = "A range of it"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "The job is not done", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn file(
    Named { desk, id }: Named,
    name: Result<Path<(String, String)>, axum::extract::rejection::PathRejection>,
    request: Request,
) -> Result<Response, ApiError> {
    let Path((_, name)) = name.map_err(|_| no_file())?;
    let path = artifact(&desk, id, &name).await?;
    let mut answer = file_answer(path, request).await.map_err(|_| no_file())?;
    // A page that was made of whatever a video held must not be able to speak for this server.
    answer.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    Ok(answer)
}

/// Styles and pictures that the page itself holds, and nothing from anywhere; it is of no origin.
const POLICY: &str =
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";

/// Where a file lies that the result names.
async fn artifact(desk: &JobDesk, id: JobId, name: &str) -> Result<PathBuf, ApiError> {
    let job = desk.queue().get(id).await?;
    let came = came(&job)?;
    let known = came.artifacts.iter().find(|artifact| *artifact == name);
    let known = known.and_then(|name| plain(name)).ok_or_else(no_file)?;
    Ok(desk.folder(id).path().join(known))
}

/// What came of a job that is done.
fn came(job: &Job) -> Result<TaskResult, ApiError> {
    if job.state != JobState::Done {
        let detail = format!("the job is {}; it has no result", job.state.name());
        return Err(ApiError::new(Refusal::Job(JobErrorKind::State), detail));
    }
    let came = job.result.as_deref().and_then(|result| serde_json::from_str(result).ok());
    came.ok_or_else(ApiError::internal)
}

/// A name of a file in the job's own folder, and not of one anywhere else.
fn plain(name: &str) -> Option<&str> {
    let mut parts = std::path::Path::new(name).components();
    let plain = matches!((parts.next(), parts.next()), (Some(Component::Normal(part)), None) if part == name);
    plain.then_some(name)
}

/// What a downloaded file is called: as the video is, without its ending.
fn stem(job: &Job) -> String {
    let name = serde_json::from_str::<VideoTask>(&job.payload).map_or_else(|_| job.id.to_string(), |task| task.name);
    let stem = name.rsplit_once('.').map_or(name.as_str(), |(stem, _)| stem);
    let safe = |char: char| if char.is_ascii_alphanumeric() || matches!(char, '-' | '_' | '.') { char } else { '_' };
    stem.chars().map(safe).collect()
}

fn attachment(name: &str) -> HeaderValue {
    HeaderValue::from_str(&format!("attachment; filename=\"{name}\""))
        .expect("a name consists of letters, digits, `.`, `_` and `-`")
}

async fn file_answer(path: PathBuf, request: Request) -> Result<Response, ApiError> {
    let answer = match ServeFile::new(path).oneshot(request).await {
        Ok(answer) => answer,
        Err(never) => match never {},
    };
    // Forgotten in this very moment.
    if answer.status() == StatusCode::NOT_FOUND {
        return Err(unknown());
    }
    let mut answer = answer.into_response();
    let headers = answer.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    Ok(answer)
}

fn no_file() -> ApiError {
    ApiError::new(Refusal::JobFile, "the job has no file of this name")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_files_in_the_folder_itself_are_plain() {
        assert_eq!(plain("report.html"), Some("report.html"));
        for name in ["", ".", "..", "../x", "/etc/passwd", "a/b", "a/", "./a"] {
            assert_eq!(plain(name), None, "{name:?}");
        }
    }
}
