//! Errors in the protocol's form at its addresses, whoever refused: a route or what surrounds it.

use crate::error::ApiError;
use crate::wire::oip::OipError;
use axum::response::Response;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderValue, Uri};

/// Whether the address is one of the protocol's.
pub(crate) fn speaks_oip(uri: &Uri) -> bool {
    let rest = uri.path().strip_prefix("/v2");
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The answer with its error, if it is one, in the protocol's form.
pub(crate) fn reshaped(mut response: Response) -> Response {
    let Some(error) = response.extensions_mut().remove::<ApiError>() else { return response };
    let body = serde_json::to_vec(&OipError::from(&error)).expect("an error is plain strings");
    let (mut parts, _) = response.into_parts();
    parts.status = OipError::status(&error);
    parts.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    parts.headers.remove(CONTENT_LENGTH);
    Response::from_parts(parts, body.into())
}
