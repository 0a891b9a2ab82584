//! What every request must pass where keys are asked for, whichever protocol it speaks: it is the same connection and the same table.

use super::credential::credential;
use super::need::{Need, need};
use crate::app::App;
use crate::connection::Peer;
use crate::error::ApiError;
use crate::grpc;
use crate::hygiene::declared_bytes;
use crate::request_body::too_large;
use axum::Extension;
use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::WWW_AUTHENTICATE;
use http::{HeaderValue, StatusCode};
use http_body::{Frame, SizeHint};
use http_body_util::Limited;
use samovar_service::access::{Admission, CallPlace, Caller};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// Finds out who asks, and refuses who may not. From here on a request carries its [`Caller`].
pub(crate) async fn admit(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    request: Request,
    next: Next,
) -> Response {
    let access = &app.options.access;
    // Whoever asks is known since the connection began.
    if !access.asks() {
        return next.run(request).await;
    }
    let need = need(request.method(), route(&request));
    if need == Need::Nothing {
        return next.run(request).await;
    }
    let admission = access.admit(credential(request.headers()), &peer.place()).map_err(ApiError::from);
    match admission.and_then(|admission| checked(admission, need, &request)) {
        Ok(Admission { caller, guard }) => {
            let (call, name) = (guard.map(Arc::new), Arc::clone(&caller.name));
            let mut response = next.run(known(request, peer, caller, call.clone())).await;
            response.extensions_mut().insert(AskedBy(name));
            response.map(|body| Body::new(Held { body, _call: call }))
        }
        Err(error) => refused(error),
    }
}

/// What the table knows the request by. Routes of gRPC are registered by service, and their methods need different things.
fn route(request: &Request) -> Option<&str> {
    let matched = request.extensions().get::<MatchedPath>()?.as_str();
    Some(if matched.ends_with("/{*rest}") { request.uri().path() } else { matched })
}

fn checked(admission: Admission, need: Need, request: &Request) -> Result<Admission, ApiError> {
    if let Need::Scope(scope) = need {
        admission.caller.require(scope)?;
    }
    let most = admission.caller.bounds.body_bytes_max.unwrap_or(u64::MAX);
    if declared_bytes(request.headers()).is_some_and(|declared| declared > most) {
        return Err(too_large());
    }
    Ok(admission)
}

/// The request with what is known now.
fn known(mut request: Request, peer: Peer, caller: Caller, call: Option<Arc<CallPlace>>) -> Request {
    let most = caller.bounds.body_bytes_max.and_then(|most| usize::try_from(most).ok());
    let peer = Peer { caller: caller.clone(), _call: call, ..peer };
    request.extensions_mut().insert(peer);
    request.extensions_mut().insert(caller);
    match most {
        // Of a stream each message is counted by itself.
        Some(most) if request.uri().path() != grpc::STREAM => request.map(|body| Body::new(Limited::new(body, most))),
        _ => request,
    }
}

fn refused(error: ApiError) -> Response {
    let mut response = error.into_response();
    if response.status() == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"samovar\""));
    }
    response
}

/// The name of the key that was asked with, for the log.
#[derive(Clone, Debug)]
pub(crate) struct AskedBy(pub(crate) Arc<str>);

/// An answer's body; the key has its place back when it has been written.
struct Held {
    body: Body,
    _call: Option<Arc<CallPlace>>,
}

impl http_body::Body for Held {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
