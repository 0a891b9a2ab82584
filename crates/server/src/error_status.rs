//! Which status each kind of error of the layers below becomes, with its cure: the one place.

use http::StatusCode;
use samovar_calls::CallErrorKind;
use samovar_jobs::JobErrorKind;
use samovar_runtime::RunErrorKind;
use samovar_service::ServiceErrorKind;
use std::time::Duration;

pub(crate) fn run_status(kind: RunErrorKind) -> StatusCode {
    match kind {
        RunErrorKind::UnknownModel => StatusCode::NOT_FOUND,
        RunErrorKind::NotReady { .. } | RunErrorKind::ShuttingDown => StatusCode::SERVICE_UNAVAILABLE,
        RunErrorKind::QueueFull { .. } | RunErrorKind::Displaced => StatusCode::TOO_MANY_REQUESTS,
        RunErrorKind::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
        RunErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        RunErrorKind::Input { code } => input_status(code),
    }
}

pub(crate) fn service_status(kind: ServiceErrorKind) -> StatusCode {
    match kind {
        ServiceErrorKind::Invalid { .. } => StatusCode::BAD_REQUEST,
        ServiceErrorKind::NotFound { .. } => StatusCode::NOT_FOUND,
        ServiceErrorKind::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        ServiceErrorKind::Unsupported { .. } => StatusCode::NOT_IMPLEMENTED,
        ServiceErrorKind::Broken { .. } => StatusCode::INTERNAL_SERVER_ERROR,
        ServiceErrorKind::Unauthenticated => StatusCode::UNAUTHORIZED,
        ServiceErrorKind::Forbidden => StatusCode::FORBIDDEN,
        ServiceErrorKind::RateLimited { .. } => StatusCode::TOO_MANY_REQUESTS,
        ServiceErrorKind::Run(kind) => run_status(kind),
    }
}

pub(crate) const fn service_cure(kind: ServiceErrorKind) -> Option<&'static str> {
    match kind {
        ServiceErrorKind::Invalid { .. } => Some("see /docs"),
        ServiceErrorKind::TooLarge { .. } => Some("send less at once"),
        ServiceErrorKind::Unauthenticated => Some("send the key as `Authorization: Bearer KEY`"),
        ServiceErrorKind::RateLimited { .. } => Some("ask again after `Retry-After`"),
        _ => None,
    }
}

/// Media and options share their codes with the runtime's input errors, so that one table serves both.
pub(crate) fn input_status(code: &str) -> StatusCode {
    match code {
        "unsupported_media" | "audio_unsupported" => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "media_too_large" | "audio_too_large" | "audio_too_long" => StatusCode::PAYLOAD_TOO_LARGE,
        "invalid_option" | "unknown_class" | "unknown_mode" | "wrong_family" => StatusCode::BAD_REQUEST,
        // What OpenAI's clients know as a bad request.
        "text_too_long" | "text_empty" | "text_unreadable" | "invalid_text" | "unknown_token" => {
            StatusCode::BAD_REQUEST
        }
        "unknown_prompt" | "invalid_dimensions" | "unsupported_head" => StatusCode::BAD_REQUEST,
        "unknown_language" | "unsupported_task" | "unsupported_timestamps" => StatusCode::BAD_REQUEST,
        "decoder_missing" => StatusCode::NOT_IMPLEMENTED,
        "media_forbidden" => StatusCode::FORBIDDEN,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

pub(crate) const fn job_status(kind: JobErrorKind) -> StatusCode {
    match kind {
        JobErrorKind::Unknown => StatusCode::NOT_FOUND,
        JobErrorKind::QueueFull => StatusCode::TOO_MANY_REQUESTS,
        JobErrorKind::State | JobErrorKind::Conflict | JobErrorKind::LeaseLost => StatusCode::CONFLICT,
        JobErrorKind::StorageFull | JobErrorKind::Storage => StatusCode::SERVICE_UNAVAILABLE,
        JobErrorKind::Corrupt => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

pub(crate) const fn call_status(kind: CallErrorKind) -> StatusCode {
    match kind {
        CallErrorKind::Unknown => StatusCode::NOT_FOUND,
        CallErrorKind::Ended => StatusCode::CONFLICT,
        CallErrorKind::TooLong => StatusCode::PAYLOAD_TOO_LARGE,
        CallErrorKind::Search => StatusCode::BAD_REQUEST,
        CallErrorKind::StorageFull | CallErrorKind::Storage => StatusCode::SERVICE_UNAVAILABLE,
        CallErrorKind::Corrupt => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// What goes by itself, and how soon it may have gone.
pub(crate) const fn job_retry_after(kind: JobErrorKind) -> Option<Duration> {
    match kind {
        JobErrorKind::QueueFull => Some(Duration::from_secs(10)),
        JobErrorKind::StorageFull => Some(Duration::from_secs(5)),
        JobErrorKind::Storage => Some(Duration::from_secs(1)),
        _ => None,
    }
}

pub(crate) const fn job_cure(kind: JobErrorKind) -> Option<&'static str> {
    match kind {
        JobErrorKind::Unknown => Some("GET /v1/jobs lists those that there are"),
        JobErrorKind::QueueFull => Some("wait until some are done, or cancel some"),
        JobErrorKind::State => Some("GET /v1/jobs/ID tells its state, …/events when that changes"),
        JobErrorKind::Conflict => Some("take another `Idempotency-Key` for another job"),
        JobErrorKind::StorageFull => Some("make space on the server's disk, or delete finished jobs; then ask again"),
        JobErrorKind::Storage => Some("ask again after `Retry-After`; the server's log says more"),
        JobErrorKind::Corrupt => Some("the server's log and `samovar doctor` say more"),
        JobErrorKind::LeaseLost => None,
    }
}
