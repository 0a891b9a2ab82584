//! Counts every request by the route that it matched.

use crate::app::App;
use crate::metrics::{HttpLabels, method_name};
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use std::sync::Arc;

/// Counts a request when its answer is there.
pub(crate) async fn count(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let method = method_name(request.method());
    let route = request.extensions().get::<MatchedPath>().map_or("unmatched", MatchedPath::as_str).to_owned();
    let response = next.run(request).await;
    let status = response.status().as_u16();
    tracing::debug!(route, method, status, "answered");
    app.metrics.http_request(&HttpLabels { route, method, status });
    response
}
