//! Pages of listed origins may read answers and set the headers of the API. Without a list nothing is ever said to a browser, and so no
//! page of another origin may.

use crate::app::App;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use std::sync::Arc;

/// Answers what a browser asks before a request (it shows no key then), and lets pages of listed origins read answers.
pub(crate) async fn share(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let Some(origin) = listed(request.headers(), &app.options.allowed_origins) else {
        return next.run(request).await;
    };
    let asks_before =
        request.method() == Method::OPTIONS && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    let mut response = if asks_before { permission() } else { next.run(request).await };
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("x-request-id, retry-after"));
    headers.append(VARY, HeaderValue::from_static("origin"));
    response
}

/// The one origin of the request, where it is listed.
fn listed(headers: &HeaderMap, origins: &[String]) -> Option<HeaderValue> {
    let mut values = headers.get_all(ORIGIN).iter();
    let (Some(origin), None) = (values.next(), values.next()) else { return None };
    origins.iter().any(|listed| origin == listed.as_str()).then(|| origin.clone())
}

fn permission() -> Response {
    let headers = [
        (ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD, POST, PUT, DELETE"),
        (
            ACCESS_CONTROL_ALLOW_HEADERS,
            "authorization, content-type, idempotency-key, inference-header-content-length, last-event-id, range, traceparent, \
             x-api-key, x-request-id",
        ),
        (ACCESS_CONTROL_MAX_AGE, "600"),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}
