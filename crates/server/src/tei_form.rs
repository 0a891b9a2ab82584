//! Errors in the form of Text Embeddings Inference, at the addresses that its clients call.

use crate::error::ApiError;
use crate::wire::TeiError;
use axum::response::Response;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderValue, Uri};

const ADDRESSES: [&str; 5] = ["/embed", "/embed_sparse", "/rerank", "/similarity", "/info"];

/// Whether the address is one of them.
pub(crate) fn is_asked_for(uri: &Uri) -> bool {
    ADDRESSES.contains(&uri.path())
}

/// The answer with its error, if it is one, in that form.
pub(crate) fn reshaped(mut response: Response) -> Response {
    let Some(error) = response.extensions_mut().remove::<ApiError>() else { return response };
    let body = serde_json::to_vec(&TeiError::from(&error)).expect("an error is plain strings");
    let (mut parts, _) = response.into_parts();
    parts.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    parts.headers.remove(CONTENT_LENGTH);
    Response::from_parts(parts, body.into())
}
