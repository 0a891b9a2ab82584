//! `POST /v1/jobs`: recorded media handed in, in three shapes: named in JSON, sent along in a form, or sent as the body.

use super::jobs::desk;
use crate::app::App;
use crate::connection::Peer;
use crate::detect_query::classes;
use crate::error::{ApiError, Refusal};
use crate::hygiene::declared_bytes;
use crate::jobs::{Form, FormField, JobDesk, NewFolder, NewJob};
use crate::metrics::JobInputKind;
use crate::request_body::{body_error, read_portion};
use crate::sources::{NotAdmitted, admit_path, admit_url};
use crate::upload::is_form;
use crate::wire::{JobBody, JobInputBody, JobQuery, JobRequest, JobVideo, Problem};
use axum::body::BodyDataStream;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, Request, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use bytes::Bytes;
use futures_util::StreamExt;
use http::header::{CONTENT_TYPE, LOCATION};
use http::{HeaderMap, StatusCode};
use samovar_jobs::{Enqueued, JobId};
use samovar_models::DetectOptions;
use samovar_pipelines::SourceAddress;
use samovar_recorded::TaskInput;
use samovar_runtime::RunErrorKind;
use samovar_service::access::Caller;
use std::path::Path;
use std::sync::Arc;

/// Hands in a video to be worked through.
///
/// The body is JSON with `input`, which names a path or an address that the configuration allows; or a form with the fields `job` (that JSON
/// without `input`) and `file`; or the video itself, with the options in the query. It is answered once the job is safely stored. With
/// `Idempotency-Key` the same job is accepted once, however often it is handed in.
#[utoipa::path(
    post, path = "/v1/jobs", tag = "jobs", params(
        JobQuery, ("Idempotency-Key" = Option<String>, Header, description = "1 to 200 visible characters of ASCII"),
    ),
    request_body(content(
        (JobRequest = "application/json"), (Vec<u8> = "multipart/form-data"), (Vec<u8> = "video/mp4"),
    ), description = "The job, or the video"),
    responses(
        (status = 200, description = "The job that was handed in with this key before", body = JobBody),
        (status = 202, description = "It is accepted; `Location` says where it is", body = JobBody),
        (status = 400, description = "The query, the body or an option", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "Jobs may not read that path or address", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such model, or no jobs are taken here", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "The key came with another job", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "Too large", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "Not a video that is read here", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "As many jobs wait as may", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The disk is full, or too many uploads at once", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn submit(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    query: Result<Query<JobQuery>, QueryRejection>,
    request: Request,
) -> Result<Response, ApiError> {
    let desk = desk(&app)?;
    let submitting = Submitting {
        app: &app,
        desk,
        caller: peer.caller.clone(),
        id: JobId::random(),
        key: idempotency_key(request.headers())?,
        declared: declared_bytes(request.headers()),
    };
    let accepted = match query {
        Ok(Query(query)) => submitting.take(query, request).await,
        Err(_) => {
            Err(ApiError::new(Refusal::Query, "the query takes the options of the job, each at most once; see /docs"))
        }
    };
    let (enqueued, input) = accepted.inspect_err(|error| app.metrics.jobs.refused(error.code()))?;
    if !enqueued.existed {
        app.metrics.jobs.accepted(input);
        tracing::info!(job = %enqueued.job.id, input = input.name(), "a job was accepted");
    }
    let status = if enqueued.existed { StatusCode::OK } else { StatusCode::ACCEPTED };
    let location = format!("/v1/jobs/{}", enqueued.job.id);
    Ok((status, [(LOCATION, location)], Json(JobBody::whole(&enqueued.job))).into_response())
}

/// A job on its way in.
struct Submitting<'a> {
    app: &'a Arc<App>,
    desk: &'a Arc<JobDesk>,
    caller: Caller,
    id: JobId,
    key: Option<String>,
    /// Bytes of the body, where they were told.
    declared: Option<u64>,
}

/// What is asked for, which can be, of that model.
struct Checked {
    request: JobRequest,
    model: String,
}

type Accepted = (Enqueued, JobInputKind);

impl Submitting<'_> {
    async fn take(self, query: JobQuery, request: Request) -> Result<Accepted, ApiError> {
        // Nobody has to send a video to learn that there is no place for it. The queue has the last word.
        self.desk.queue().admits(&self.caller.name, self.key.as_deref()).await?;
        let asked = (query != JobQuery::default()).then(|| JobRequest::from(query));
        if is_form(request.headers()) {
            return self.take_form(asked, Form::read(request).await?).await;
        }
        let json = is_json(request.headers());
        // Where the options can be judged already, nothing has to be sent to learn that they are wrong.
        let checked = asked.map(|asked| self.check(asked)).transpose()?;
        let mut body = request.into_body().into_data_stream();
        let first = next(&mut body).await?.unwrap_or_default();
        match checked {
            Some(_) if json || begins_object(&first) => {
                Err(ApiError::new(Refusal::Query, "a job in JSON carries its options itself"))
            }
            None if json || begins_object(&first) => {
                let body = read_portion(first, body, self.json_bytes_max()).await?;
                self.take_named(&body).await
            }
            Some(checked) => self.take_video(checked, first, body).await,
            None => {
                let checked = self.check(JobRequest::default())?;
                self.take_video(checked, first, body).await
            }
        }
    }

    /// The video is a path or an address.
    async fn take_named(self, body: &Bytes) -> Result<Accepted, ApiError> {
        let mut checked = self.check(parse(body)?)?;
        let none = || ApiError::new(Refusal::Body, "the job names no `input`, and no video was sent along");
        let (input, name) = self.admit(checked.request.input.take().ok_or_else(none)?).await?;
        let folder = self.desk.new_folder(self.id).await?;
        self.hand_in(checked, JobVideo { input, name, sha256: None }, folder).await
    }

    /// The video is the body.
    async fn take_video(self, checked: Checked, first: Bytes, mut body: BodyDataStream) -> Result<Accepted, ApiError> {
        let mut upload = self.desk.receive(self.id, &self.caller, self.declared, &self.app.metrics).await?;
        let mut chunk = Some(first);
        while let Some(bytes) = chunk {
            upload.write(&bytes).await?;
            chunk = next(&mut body).await?;
        }
        let (folder, sha256) = upload.finish().await?;
        self.hand_in(checked, JobVideo::sent(NO_NAME.to_owned(), sha256), folder).await
    }

    /// The video is a field; the options are another, or the query.
    async fn take_form(self, asked: Option<JobRequest>, mut form: Form) -> Result<Accepted, ApiError> {
        let mut checked = asked.map(|asked| self.check(asked)).transpose()?;
        let mut video = None;
        while let Some(field) = form.next_field().await? {
            match field.name() {
                Some("job") if checked.is_none() => {
                    checked = Some(self.check(parse(&self.read_job(field).await?)?)?);
                }
                Some("file") if video.is_none() => video = Some(self.receive_field(field).await?),
                _ => {
                    return Err(ApiError::new(
                        Refusal::Body,
                        "the form takes `job` and `file`, each once; or `file` and a query",
                    ));
                }
            }
        }
        let checked = checked.map_or_else(|| self.check(JobRequest::default()), Ok)?;
        if checked.request.input.is_some() {
            return Err(ApiError::new(Refusal::Body, "a video was sent along, so that the job takes no `input`"));
        }
        let (folder, video) = video.ok_or_else(|| ApiError::new(Refusal::Body, "the form has no field `file`"))?;
        self.hand_in(checked, video, folder).await
    }

    async fn receive_field(&self, mut field: FormField<'_>) -> Result<(NewFolder, JobVideo), ApiError> {
        let name = file_name(field.file_name().unwrap_or_default());
        let mut upload = self.desk.receive(self.id, &self.caller, self.declared, &self.app.metrics).await?;
        while let Some(chunk) = field.chunk().await? {
            upload.write(&chunk).await?;
        }
        let (folder, sha256) = upload.finish().await?;
        Ok((folder, JobVideo::sent(name, sha256)))
    }

    async fn read_job(&self, mut field: FormField<'_>) -> Result<Bytes, ApiError> {
        let mut text = Vec::new();
        while let Some(chunk) = field.chunk().await? {
            text.extend_from_slice(&chunk);
            if text.len() > self.json_bytes_max() {
                return Err(ApiError::new(Refusal::Body, "the field `job` is longer than any job needs"));
            }
        }
        Ok(text.into())
    }

    fn json_bytes_max(&self) -> usize {
        self.app.options.limits.stream.control_bytes_max
    }

    /// Whether the model is a detector, and the options can be. Of a model that is not loaded less is known; the job then fails.
    fn check(&self, request: JobRequest) -> Result<Checked, ApiError> {
        let detector = self.app.detector(request.model.as_deref())?;
        request.check()?;
        match detector.model() {
            Ok(model) => {
                let classes = classes(&request.classes, &model)?;
                model.check(&DetectOptions { classes, ..request.thresholds()? })?;
            }
            Err(error) if matches!(error.kind(), RunErrorKind::NotReady { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(Checked { model: detector.handle().name().to_owned(), request })
    }

    /// The path or address that is opened in place of what was written, and what it is called.
    async fn admit(&self, input: JobInputBody) -> Result<(TaskInput, String), ApiError> {
        let additions = &self.desk.settings.additions;
        match input {
            JobInputBody::Path(path) => {
                let path = Path::new(&path);
                let real = admit_path(path, additions).await.map_err(not_admitted)?;
                if real.to_str().is_none() || !tokio::fs::metadata(&real).await.is_ok_and(|facts| facts.is_file()) {
                    return Err(not_admitted(NotAdmitted::Path));
                }
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                Ok((TaskInput::Path(real), file_name(&name)))
            }
            JobInputBody::Url(url) => {
                let shown = SourceAddress::parse(&url).map_err(|error| not_admitted(NotAdmitted::Address(error)))?;
                let opened = admit_url(&url, additions).await.map_err(not_admitted)?;
                let shown = shown.to_string();
                Ok((TaskInput::Url(opened), file_name(shown.split('?').next().unwrap_or_default())))
            }
        }
    }

    async fn hand_in(self, checked: Checked, video: JobVideo, folder: NewFolder) -> Result<Accepted, ApiError> {
        let (kind, priority) = (JobInputKind::from(&video.input), checked.request.priority()?);
        let task = checked.request.task(&checked.model, video, self.desk.settings.every)?;
        let job = NewJob { id: self.id, task, priority, idempotency_key: self.key, caller: self.caller };
        Ok((self.desk.submit(job, folder, &self.app.tasks).await?, kind))
    }
}

impl JobVideo {
    fn sent(name: String, sha256: String) -> Self {
        Self { input: TaskInput::Upload, name, sha256: Some(sha256) }
    }
}

/// What a video is called that has no name.
const NO_NAME: &str = "video";
const NAME_CHARS_MAX: usize = 200;

/// The last part of a path or an address.
fn file_name(path: &str) -> String {
    let last = path.rsplit(['/', '\\']).find(|part| !part.is_empty()).unwrap_or_default();
    let name: String = last.chars().filter(|char| !char.is_control()).take(NAME_CHARS_MAX).collect();
    if name.trim().is_empty() { NO_NAME.to_owned() } else { name }
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    const BYTES_MAX: usize = 200;
    let mut keys = headers.get_all("idempotency-key").iter();
    let Some(key) = keys.next() else { return Ok(None) };
    let written = !key.is_empty() && key.len() <= BYTES_MAX && key.as_bytes().iter().all(u8::is_ascii_graphic);
    let key = key.to_str().ok().filter(|_| written && keys.next().is_none());
    let wrong = || ApiError::new(Refusal::Option, "`Idempotency-Key` is one of 1 to 200 visible characters of ASCII");
    key.map(|key| Some(key.to_owned())).ok_or_else(wrong)
}

fn is_json(headers: &HeaderMap) -> bool {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    content_type.is_some_and(|value| value.trim_start().to_ascii_lowercase().starts_with("application/json"))
}

/// JSON is known by its content, too: no video begins so.
fn begins_object(first: &[u8]) -> bool {
    first.trim_ascii_start().first() == Some(&b'{')
}

fn parse(body: &[u8]) -> Result<JobRequest, ApiError> {
    serde_json::from_slice(body).map_err(|_| ApiError::new(Refusal::Body, JobRequest::FIELDS))
}

async fn next(body: &mut BodyDataStream) -> Result<Option<Bytes>, ApiError> {
    body.next().await.transpose().map_err(|error| body_error(&error))
}

/// Says the same of what lies outside and of what does not exist.
fn not_admitted(why: NotAdmitted) -> ApiError {
    let refused = |detail: &'static str| ApiError::new(Refusal::JobInput, detail);
    match why {
        NotAdmitted::Address(error) => ApiError::new(Refusal::Option, error.to_string()),
        NotAdmitted::Scheme => refused("jobs may not read addresses of this kind here"),
        NotAdmitted::Host => refused("jobs may not read from this host here, or there is no such host"),
        NotAdmitted::Playlist => refused("jobs do not read playlists: they may name any address as theirs"),
        NotAdmitted::Path => refused("jobs may not read this file here, or there is no such file"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_last_part_of_whatever_was_sent() {
        for (sent, name) in [
            ("walk.mp4", "walk.mp4"),
            ("/srv/videos/walk.mp4", "walk.mp4"),
            ("C:\\videos\\walk.mp4", "walk.mp4"),
            ("https://media.example/a/b.mp4", "b.mp4"),
            ("../../etc/passwd", "passwd"),
            ("a\u{0}\r\nb", "ab"),
            ("", "video"),
            ("///", "video"),
            (" ", "video"),
        ] {
            assert_eq!(file_name(sent), name, "{sent:?}");
        }
        assert_eq!(file_name(&"é".repeat(300)).chars().count(), NAME_CHARS_MAX);
    }

    #[test]
    fn keys_are_bounded() {
        let key = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("idempotency-key", http::HeaderValue::from_bytes(value.as_bytes()).unwrap());
            idempotency_key(&headers)
        };
        assert_eq!(key("order-7").unwrap().as_deref(), Some("order-7"));
        assert!(idempotency_key(&HeaderMap::new()).unwrap().is_none());
        for wrong in ["", "a b", "ü", &"k".repeat(201)] {
            assert_eq!(key(wrong).unwrap_err().code(), "invalid_option", "{wrong:?}");
        }
    }
}
