//! Errors as JSON in the form that OpenAI's clients read.

use crate::error::ApiError;
use serde::Serialize;
use utoipa::ToSchema;

/// Why there is no answer, in OpenAI's form.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OpenAiError {
    /// The error.
    pub(crate) error: OpenAiErrorBody,
}

/// One error in OpenAI's form.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OpenAiErrorBody {
    /// For people.
    #[schema(example = "no model is called `ada`; GET /v1/models lists the names")]
    pub(crate) message: String,
    /// The kind: `invalid_request_error`, `authentication_error`, `permission_error`, `rate_limit_error` or `server_error`.
    #[serde(rename = "type")]
    #[schema(example = "invalid_request_error")]
    pub(crate) kind: &'static str,
    /// The field of the request that it is about; null where it is about none.
    #[schema(example = "model")]
    pub(crate) param: Option<&'static str>,
    /// For programs; the same code as in every other form.
    #[schema(example = "model_not_found")]
    pub(crate) code: &'static str,
}

impl From<&ApiError> for OpenAiError {
    fn from(error: &ApiError) -> Self {
        let kind = match error.status().as_u16() {
            401 => "authentication_error",
            403 => "permission_error",
            429 => "rate_limit_error",
            status if status < 500 => "invalid_request_error",
            _ => "server_error",
        };
        let (code, param) = (error.code(), error.field().or_else(|| field_of(error.code())));
        Self { error: OpenAiErrorBody { message: error.sentence(), kind, param, code } }
    }
}

/// The field that errors of this code are about, where they can be about no other.
fn field_of(code: &str) -> Option<&'static str> {
    match code {
        "model_not_found" | "model_required" | "wrong_family" | "unsupported_task" => Some("model"),
        "text_too_long" | "text_empty" | "text_unreadable" | "invalid_text" | "unknown_token" => Some("input"),
        "unknown_prompt" => Some("prompt_name"),
        "invalid_dimensions" => Some("dimensions"),
        "unknown_language" => Some("language"),
        "unsupported_timestamps" => Some("timestamp_granularities"),
        _ => None,
    }
}
