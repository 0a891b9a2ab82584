//! An inference's answer as a response: small ones in one piece, large ones in the pieces that they are in.

use crate::wire::oip::InferAnswer;
use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::HeaderValue;
use http::header::{CONTENT_TYPE, HeaderName};
use http_body::{Frame, SizeHint};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Says how many bytes of the body are JSON.
const JSON_LENGTH: HeaderName = HeaderName::from_static("inference-header-content-length");

pub(super) fn response(mut answer: InferAnswer) -> Response {
    let body = match answer.pieces.len() {
        1 => Body::from(answer.pieces.pop_front().unwrap_or_default()),
        _ => Body::new(Pieces(answer.pieces)),
    };
    let mut response = Response::new(body);
    let kind = if answer.json_bytes.is_some() { "application/octet-stream" } else { "application/json" };
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    if let Some(length) = answer.json_bytes {
        response.headers_mut().insert(JSON_LENGTH, HeaderValue::from(length));
    }
    response
}

/// A body of a known length in pieces that are there.
struct Pieces(VecDeque<Bytes>);

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.pop_front().map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.iter().map(|piece| piece.len() as u64).sum())
    }
}
