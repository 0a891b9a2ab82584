//! Errors in OpenAI's form, at the addresses whose clients expect it.

use crate::error::ApiError;
use crate::wire::OpenAiError;
use axum::response::Response;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderValue, Uri};

/// Addresses that OpenAI's clients call, and those that are called with the same clients.
const ADDRESSES: [&str; 10] = [
    "/v1/audio/transcriptions",
    "/v1/audio/translations",
    "/v1/embeddings",
    "/v1/realtime",
    "/v1/realtime/transcription_sessions",
    "/v1/realtime/client_secrets",
    "/v1/rerank",
    "/v1/similarity",
    "/v1/zero-shot",
    "/v1/faces",
];

/// Whether the address is one of them.
pub(crate) fn is_asked_for(uri: &Uri) -> bool {
    ADDRESSES.contains(&uri.path())
}

/// The answer with its error, if it is one, in OpenAI's form.
pub(crate) fn reshaped(mut response: Response) -> Response {
    let Some(error) = response.extensions_mut().remove::<ApiError>() else { return response };
    let body = serde_json::to_vec(&OpenAiError::from(&error)).expect("an error is plain strings");
    let (mut parts, _) = response.into_parts();
    parts.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    parts.headers.remove(CONTENT_LENGTH);
    Response::from_parts(parts, body.into())
}
