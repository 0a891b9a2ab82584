//! Errors in OpenAI's form, at the addresses whose clients expect it: whoever refused the request, a route or what surrounds it.

use crate::error::ApiError;
use crate::routes::{oip_form, speaks_oip};
use crate::tei_form;
use crate::wire::OpenAiError;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderValue, Uri};

/// Addresses that OpenAI's clients call, and those that are called with the same clients.
const ADDRESSES: [&str; 5] = ["/v1/embeddings", "/v1/rerank", "/v1/similarity", "/v1/zero-shot", "/v1/faces"];

/// Puts an error into OpenAI's form where the address asks for that.
pub(crate) async fn shape(request: Request, next: Next) -> Response {
    let (openai, oip) = (speaks_openai(request.uri()), speaks_oip(request.uri()));
    let tei = tei_form::is_asked_for(request.uri());
    let response = next.run(request).await;
    if openai {
        reshaped(response)
    } else if oip {
        oip_form(response)
    } else if tei {
        tei_form::reshaped(response)
    } else {
        response
    }
}

fn speaks_openai(uri: &Uri) -> bool {
    ADDRESSES.contains(&uri.path())
}

fn reshaped(mut response: Response) -> Response {
    let Some(error) = response.extensions_mut().remove::<ApiError>() else { return response };
    let body = serde_json::to_vec(&OpenAiError::from(&error)).expect("an error is plain strings");
    let (mut parts, _) = response.into_parts();
    parts.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    parts.headers.remove(CONTENT_LENGTH);
    Response::from_parts(parts, body.into())
}
