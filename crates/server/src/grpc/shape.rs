//! Refusals of what surrounds the routes (keys, limits, hygiene, panics), in gRPC's form where gRPC is spoken.

use crate::error::ApiError;
use axum::response::Response;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};
use tonic::{Code, Status};

/// Whether the request is gRPC's.
pub(crate) fn speaks_grpc(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"))
}

/// The answer with its error, if it is one, in gRPC's form.
pub(crate) fn reshaped(mut response: Response) -> Response {
    if let Some(error) = response.extensions_mut().remove::<ApiError>() {
        return Status::from(error).into_http();
    }
    let headers = response.headers_mut();
    if headers.get(Status::GRPC_STATUS).is_some_and(|code| code.as_bytes() == OUT_OF_RANGE) {
        headers.insert(Status::GRPC_STATUS, HeaderValue::from(Code::ResourceExhausted as i32));
    }
    response
}

/// What `tonic` says of messages over the limit; everybody else says `RESOURCE_EXHAUSTED`.
const OUT_OF_RANGE: &[u8] = b"11";
