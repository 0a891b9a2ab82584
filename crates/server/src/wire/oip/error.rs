//! Errors in the protocol's form.

use crate::error::ApiError;
use http::StatusCode;
use samovar_runtime::RunErrorKind;
use serde::Serialize;

/// Why there is no answer, as the protocol's clients read it.
#[derive(Debug, Serialize)]
pub(crate) struct OipError {
    /// For people.
    pub(crate) error: String,
    /// For programs; the same code as in every other form.
    pub(crate) code: &'static str,
}

impl From<&ApiError> for OipError {
    fn from(error: &ApiError) -> Self {
        Self { error: error.sentence(), code: error.code() }
    }
}

impl OipError {
    /// The status by the protocol's own table: what is wrong with a request is always 400, and a full queue is a server that is not
    /// available.
    pub(crate) fn status(error: &ApiError) -> StatusCode {
        match error.status() {
            StatusCode::UNPROCESSABLE_ENTITY | StatusCode::UNSUPPORTED_MEDIA_TYPE => StatusCode::BAD_REQUEST,
            StatusCode::TOO_MANY_REQUESTS if error.code() == QUEUE_FULL => StatusCode::SERVICE_UNAVAILABLE,
            status => status,
        }
    }
}

/// The queue's own refusal; a key's rate keeps its 429.
const QUEUE_FULL: &str = RunErrorKind::QueueFull { retry_after: std::time::Duration::ZERO }.code();
