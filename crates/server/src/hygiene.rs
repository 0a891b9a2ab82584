//! What every request must pass before any route sees it: one host, a name of this server, one framing, a body within the limit, and no other page's
//! wish to change something.

use crate::app::App;
use crate::connection::Peer;
use crate::error::{ApiError, Refusal};
use crate::request_body::{BodyLimits, too_large};
use crate::{ServerOptions, origin};
use axum::Extension;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderValue, Version};
use std::sync::Arc;

/// Refuses what is ambiguous, and at once what is too large.
pub(crate) async fn check(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    request: Request,
    next: Next,
) -> Response {
    if let Err(error) = inspect(&request, &peer, &app.options) {
        return error.into_response();
    }
    // A chunked request whose head was sent too early to be looked at might have been framed twice: nothing may follow it.
    let unsure = !peer.head.whole && request.headers().contains_key(TRANSFER_ENCODING);
    let mut response = next.run(request).await;
    if unsure {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

fn inspect(request: &Request, peer: &Peer, options: &ServerOptions) -> Result<(), ApiError> {
    let malformed = |detail| Err(ApiError::new(Refusal::Malformed, detail));
    let headers = request.headers();
    if peer.head.framed_twice || (headers.contains_key(CONTENT_LENGTH) && headers.contains_key(TRANSFER_ENCODING)) {
        return malformed("the body is framed both by its length and in chunks");
    }
    if head_bytes(request) > options.limits.header_bytes_max {
        return Err(ApiError::new(Refusal::HeadSize, "the request's head is over the limit"));
    }
    let hosts = headers.get_all(HOST).iter().count();
    if hosts > 1 || (hosts == 0 && request.version() == Version::HTTP_11) {
        return malformed("a request names exactly one host");
    }
    if declared_bytes(headers).is_some_and(|declared| declared > BodyLimits::of(request, options).bytes_max()) {
        return Err(too_large());
    }
    origin::check_host(headers, request.uri(), options)?;
    if request.method().is_safe() { Ok(()) } else { origin::check(headers, request.uri(), options) }
}

/// Bytes of the head as HTTP/1 has them. What is far over the limit is refused before it gets here.
fn head_bytes(request: &Request) -> usize {
    let address = request.uri().path_and_query().map_or(0, |address| address.as_str().len());
    // A colon, a space and the line's end.
    let fields = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 4);
    address + fields.sum::<usize>()
}

/// Bytes of the body as its head has them.
pub(crate) fn declared_bytes(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
