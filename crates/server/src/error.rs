//! What a client is told instead of an answer.

use crate::error_status::{
    call_status, input_status, job_cure, job_retry_after, job_status, run_status, service_cure, service_status,
};
use crate::wire::{Problem, StreamProblem};
use axum::response::{IntoResponse, Response};
use http::header::{CONNECTION, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use samovar_calls::{CallError, CallErrorKind};
use samovar_jobs::{JobError, JobErrorKind};
use samovar_media::{MediaError, MediaErrorKind};
use samovar_models::OptionsError;
use samovar_runtime::{Failure, FailureKind, RunError, RunErrorKind};
use samovar_service::{ServiceError, ServiceErrorKind};
use std::borrow::Cow;
use std::time::Duration;

/// An answer that is an error: a kind for programs, a sentence for people. Names no path, address or library text.
#[derive(Clone, Debug)]
pub(crate) struct ApiError {
    kind: ErrorKind,
    detail: Cow<'static, str>,
    cure: Option<&'static str>,
    /// The field of the request that it is about.
    field: Option<&'static str>,
}

/// Every kind of error that a client can be told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ErrorKind {
    /// The runtime has no result.
    Run(RunErrorKind),
    /// The media cannot be read.
    Media(MediaErrorKind),
    /// What every wire refuses alike.
    Service(ServiceErrorKind),
    /// The request itself is refused.
    Request(Refusal),
}

/// Why a request is refused before any work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Its framing is ambiguous or it names no host.
    Malformed,
    /// The query cannot be read.
    Query,
    /// The body cannot be read as what it claims to be.
    Body,
    /// A control message cannot be read.
    Control,
    /// An option is out of its bounds.
    Option,
    /// No such mode.
    Mode,
    /// A mask does not fit into an event.
    MaskSize,
    /// No model is named and there is not exactly one to choose.
    ModelRequired,
    /// A page of another origin wants to open a stream or to change something.
    Origin,
    /// The name of the server is none of its own.
    Host,
    /// There is nothing at this address.
    Route,
    /// No stream of that name is open.
    Stream,
    /// Not with this method.
    Method,
    /// The body comes too slowly.
    BodyTime,
    /// The head is over the limit.
    HeadSize,
    /// The body is over the limit.
    BodySize,
    /// The server, or the connection, holds as many bytes of bodies as it may.
    Bodies,
    /// The route takes only upgrades to a WebSocket.
    UpgradeRequired,
    /// As many streams are open as may be.
    Streams,
    /// As many connections are open as may be, in all or of this client.
    Connections,
    /// No such source.
    SourceUnknown,
    /// A source has that name already.
    SourceExists,
    /// Such a source may not be added by clients.
    SourceForbidden,
    /// There are as many sources as may be.
    Sources,
    /// No program decodes video.
    NoDecoder,
    /// There is no such evidence.
    Evidence,
    /// A load, a reload or a warm-up failed; the code is the failure's own.
    Load(&'static str),
    /// No jobs are taken here.
    JobsOff,
    /// A job may not read that path or address.
    JobInput,
    /// As many videos are sent along as may be at the same time.
    Uploads,
    /// The job has no file of that name.
    JobFile,
    /// There is no sound to be transcribed.
    SoundEmpty,
    /// Sound was not transcribed: too much waited.
    SoundLost,
    /// A realtime session was ended.
    SessionEnded,
    /// No model hears voices.
    NoVoiceModel,
    /// No secrets are made for clients.
    ClientSecrets,
    /// The queue of jobs did not do it.
    Job(JobErrorKind),
    /// No calls are kept here.
    CallsOff,
    /// The call's sound is not kept.
    CallAudio,
    /// The store of calls did not do it.
    Call(CallErrorKind),
}

impl ApiError {
    /// A refusal with a sentence for people.
    pub(crate) fn new(refusal: Refusal, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { kind: ErrorKind::Request(refusal), detail: detail.into(), cure: None, field: None }
    }

    /// The same with something else to do about it than is usual for its kind.
    pub(crate) fn with_cure(self, cure: &'static str) -> Self {
        Self { cure: Some(cure), ..self }
    }

    /// The same, about that field of the request.
    pub(crate) fn about(self, field: &'static str) -> Self {
        Self { field: Some(field), ..self }
    }

    /// Something broke inside.
    pub(crate) fn internal() -> Self {
        let detail = Cow::Borrowed("the server failed at this request; its log says more");
        Self { kind: ErrorKind::Run(RunErrorKind::Internal), detail, cure: None, field: None }
    }

    /// The stable machine code.
    pub(crate) const fn code(&self) -> &'static str {
        match self.kind {
            ErrorKind::Run(kind) => kind.code(),
            ErrorKind::Media(kind) => kind.code(),
            ErrorKind::Service(kind) => kind.code(),
            ErrorKind::Request(refusal) => refusal.code(),
        }
    }

    /// The one match from kinds to statuses.
    pub(crate) fn status(&self) -> StatusCode {
        match self.kind {
            ErrorKind::Run(kind) => run_status(kind),
            ErrorKind::Media(kind) => input_status(kind.code()),
            ErrorKind::Service(kind) => service_status(kind),
            ErrorKind::Request(refusal) => refusal.status(),
        }
    }

    /// When to ask again.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        const SOON: Duration = Duration::from_secs(1);
        match self.kind {
            ErrorKind::Run(RunErrorKind::NotReady { retry_after } | RunErrorKind::QueueFull { retry_after }) => {
                Some(retry_after)
            }
            ErrorKind::Service(ServiceErrorKind::RateLimited { retry_after }) => Some(retry_after),
            ErrorKind::Run(RunErrorKind::ShuttingDown | RunErrorKind::Displaced)
            | ErrorKind::Request(Refusal::Streams | Refusal::Connections | Refusal::Sources | Refusal::Bodies) => {
                Some(SOON)
            }
            ErrorKind::Request(Refusal::Job(kind)) => job_retry_after(kind),
            ErrorKind::Request(Refusal::Call(CallErrorKind::StorageFull | CallErrorKind::Storage)) => {
                Some(Duration::from_secs(5))
            }
            ErrorKind::Request(Refusal::Uploads) => Some(Duration::from_secs(5)),
            _ => None,
        }
    }

    /// What is wrong and what to do about it, in one sentence.
    pub(crate) fn sentence(&self) -> String {
        self.cure().map_or_else(|| self.detail.to_string(), |cure| format!("{}; {cure}", self.detail))
    }

    /// The field of the request that it is about, where it is about one.
    pub(crate) const fn field(&self) -> Option<&'static str> {
        self.field
    }

    /// The WebSocket close code where the error ends a stream.
    pub(crate) fn close_code(&self) -> u16 {
        match self.status() {
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => 1013,
            status if status.is_server_error() => 1011,
            _ => 1008,
        }
    }

    /// The body of an HTTP answer.
    pub(crate) fn problem(&self) -> Problem {
        let status = self.status();
        Problem {
            kind: format!("urn:samovar:problem:{}", self.code()),
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            code: self.code(),
            detail: self.detail.to_string(),
            cure: self.cure(),
        }
    }

    /// The event of a stream, about one of its frames or about the stream.
    pub(crate) fn stream_problem(&self, frame: Option<u64>) -> StreamProblem {
        StreamProblem {
            frame,
            mode: None,
            code: self.code(),
            detail: self.detail.to_string(),
            cure: self.cure(),
            retry_after_s: self.retry_after().map(whole_seconds),
        }
    }

    /// Whether the connection must end: its framing cannot be trusted, or the rest of the body will not be read.
    fn ends_connection(&self) -> bool {
        matches!(
            self.kind,
            ErrorKind::Request(Refusal::Malformed | Refusal::BodyTime | Refusal::BodySize | Refusal::Bodies)
        )
    }

    fn cure(&self) -> Option<&'static str> {
        self.cure.or(match self.kind {
            ErrorKind::Request(refusal) => refusal.cure(),
            ErrorKind::Run(RunErrorKind::QueueFull { .. }) => {
                Some("send less at once, or ask again after `Retry-After`")
            }
            ErrorKind::Run(RunErrorKind::NotReady { .. }) => {
                Some("ask again after `Retry-After`; GET /health tells each model's state")
            }
            ErrorKind::Run(RunErrorKind::DeadlineExceeded) => {
                Some("ask again with a longer `timeout_ms`, or send less at once")
            }
            ErrorKind::Service(kind) => service_cure(kind),
            ErrorKind::Run(_) | ErrorKind::Media(_) => None,
        })
    }
}

impl Refusal {
    const fn code(self) -> &'static str {
        match self {
            Self::Malformed => "malformed_request",
            Self::Query => "invalid_query",
            Self::Body => "invalid_body",
            Self::Control => "invalid_control",
            Self::Option => "invalid_option",
            Self::Mode => "unknown_mode",
            Self::MaskSize => "mask_too_large",
            Self::ModelRequired => "model_required",
            Self::Origin => "origin_not_allowed",
            Self::Host => "host_not_allowed",
            Self::Route => "not_found",
            Self::Stream => "stream_not_found",
            Self::Method => "method_not_allowed",
            Self::BodyTime => "body_too_slow",
            Self::HeadSize => "head_too_large",
            Self::BodySize => "body_too_large",
            Self::Bodies => "too_many_bytes",
            Self::UpgradeRequired => "upgrade_required",
            Self::Streams => "too_many_streams",
            Self::Connections => "too_many_connections",
            Self::SourceUnknown => "unknown_source",
            Self::SourceExists => "source_exists",
            Self::SourceForbidden => "source_not_allowed",
            Self::Sources => "too_many_sources",
            Self::NoDecoder => "decoder_missing",
            Self::Evidence => "unknown_evidence",
            Self::Load(code) => code,
            Self::JobsOff => "jobs_disabled",
            Self::JobInput => "input_not_allowed",
            Self::Uploads => "too_many_uploads",
            Self::JobFile => "job_file_not_found",
            Self::SoundEmpty => "input_audio_buffer_commit_empty",
            Self::SoundLost => "audio_lost",
            Self::SessionEnded => "session_ended",
            Self::NoVoiceModel => "no_voice_model",
            Self::ClientSecrets => "client_secrets_unsupported",
            Self::Job(kind) => kind.code(),
            Self::CallsOff => "calls_disabled",
            Self::CallAudio => "call_audio_not_kept",
            Self::Call(kind) => kind.code(),
        }
    }

    const fn status(self) -> StatusCode {
        match self {
            Self::Malformed
            | Self::Query
            | Self::Body
            | Self::Control
            | Self::Option
            | Self::Mode
            | Self::SoundEmpty
            | Self::ModelRequired => StatusCode::BAD_REQUEST,
            Self::MaskSize => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Origin | Self::SourceForbidden => StatusCode::FORBIDDEN,
            Self::Route | Self::Stream | Self::SourceUnknown | Self::Evidence => StatusCode::NOT_FOUND,
            Self::Host => StatusCode::MISDIRECTED_REQUEST,
            Self::SourceExists => StatusCode::CONFLICT,
            Self::NoDecoder | Self::NoVoiceModel | Self::ClientSecrets => StatusCode::NOT_IMPLEMENTED,
            Self::SoundLost => StatusCode::TOO_MANY_REQUESTS,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::BodyTime => StatusCode::REQUEST_TIMEOUT,
            Self::HeadSize => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::BodySize => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UpgradeRequired => StatusCode::UPGRADE_REQUIRED,
            Self::Streams | Self::Connections | Self::Sources | Self::Bodies | Self::SessionEnded => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::Load(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::JobsOff | Self::JobFile => StatusCode::NOT_FOUND,
            Self::JobInput => StatusCode::FORBIDDEN,
            Self::Uploads => StatusCode::SERVICE_UNAVAILABLE,
            Self::Job(kind) => job_status(kind),
            Self::CallsOff | Self::CallAudio => StatusCode::NOT_FOUND,
            Self::Call(kind) => call_status(kind),
        }
    }

    const fn cure(self) -> Option<&'static str> {
        match self {
            Self::Query | Self::Body | Self::Control | Self::Option | Self::Route | Self::Method => Some("see /docs"),
            Self::Mode => Some("name a model, or configure modes in `[modes.segment]`"),
            Self::MaskSize => Some("ask for `mask` \"png\" or `map` \"model\""),
            Self::ModelRequired => Some("add `?model=NAME`; GET /v1/models lists the names"),
            Self::Stream => Some("GET /v1/streams lists those that are open"),
            Self::Origin => Some("add the page's origin to `allowed_origins` in the configuration"),
            Self::Host => Some("add the name to `hosts` in `[server]` of the configuration"),
            Self::HeadSize => Some("send fewer or shorter header fields, and a shorter address"),
            Self::BodySize => Some("send less at once: fewer or shorter items, a smaller picture, a shorter video"),
            Self::Bodies => Some("send less at a time, or ask again after `Retry-After`"),
            Self::Streams | Self::Connections => Some("close some, or ask again after `Retry-After`"),
            Self::SourceUnknown => Some("GET /v1/sources lists the names"),
            Self::SourceExists => Some("remove it first, or choose another name"),
            Self::SourceForbidden => Some("set `[source_additions]` in the configuration"),
            Self::Sources => Some("remove some"),
            Self::NoDecoder => Some("run `samovar engine install ffmpeg` on the server"),
            Self::Evidence => Some("GET /v1/evidence lists what there is"),
            Self::UpgradeRequired => Some("open this address with a WebSocket client"),
            Self::JobsOff => Some("set `enabled = true` in `[jobs]` of the configuration"),
            Self::JobInput => Some("send the video along, or set `roots`, `hosts` and `schemes` in `[jobs]`"),
            Self::Uploads => Some("send fewer at once, or ask again after `Retry-After`"),
            Self::SoundEmpty => Some("append some before you commit"),
            Self::SessionEnded => Some("open another"),
            Self::SoundLost => Some("open fewer calls at once, or give the model more of the machine"),
            Self::NoVoiceModel => Some("configure `silero-vad`, or send `turn_detection` null and commit yourself"),
            Self::ClientSecrets => Some("give pages a key with the scope `infer` alone"),
            Self::JobFile => Some("GET /v1/jobs/ID lists the files that there are"),
            Self::Job(kind) => job_cure(kind),
            Self::CallsOff => Some("set `folder` in `[calls]` of the configuration"),
            Self::CallAudio => Some("set `audio = \"keep\"` in `[calls]` for the calls that follow"),
            Self::Call(CallErrorKind::Unknown) => Some("GET /v1/calls lists those that there are"),
            _ => None,
        }
    }
}

impl From<RunError> for ApiError {
    fn from(error: RunError) -> Self {
        Self { kind: ErrorKind::Run(error.kind()), detail: error.to_string().into(), cure: None, field: None }
    }
}

impl From<MediaError> for ApiError {
    fn from(error: MediaError) -> Self {
        Self { kind: ErrorKind::Media(error.kind()), detail: error.to_string().into(), cure: None, field: None }
    }
}

impl From<ServiceError> for ApiError {
    fn from(error: ServiceError) -> Self {
        let kind = match error.kind() {
            ServiceErrorKind::Run(kind) => ErrorKind::Run(kind),
            kind => ErrorKind::Service(kind),
        };
        Self { kind, detail: error.message().to_owned().into(), cure: None, field: error.field() }
    }
}

impl From<JobError> for ApiError {
    fn from(error: JobError) -> Self {
        Self::new(Refusal::Job(error.kind()), error.to_string())
    }
}

impl From<CallError> for ApiError {
    fn from(error: CallError) -> Self {
        Self::new(Refusal::Call(error.kind()), error.to_string())
    }
}

impl From<OptionsError> for ApiError {
    fn from(error: OptionsError) -> Self {
        Self::from(RunError::from(error))
    }
}

impl From<&Failure> for ApiError {
    /// The reason may name files, so it stays in the log; only those of the memory limit and of versions are but figures and names.
    fn from(failure: &Failure) -> Self {
        let detail = match failure.kind {
            FailureKind::Memory | FailureKind::Version => Cow::Owned(failure.reason.clone()),
            _ => Cow::Borrowed("the model could not be loaded; the server's log says why"),
        };
        Self { cure: Some(failure.kind.cure()), ..Self::new(Refusal::Load(failure.kind.code()), detail) }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&self.problem()).expect("a problem is plain strings and numbers");
        let mut response = (self.status(), body).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(wait) = self.retry_after() {
            headers.insert(RETRY_AFTER, HeaderValue::from(whole_seconds(wait)));
        }
        if self.ends_connection() {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        // For what surrounds the routes: some addresses speak of errors in another form.
        response.extensions_mut().insert(self);
        response
    }
}

/// Rounded up: asking a moment too early is an error again.
fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}
