//! What surrounds every request: its name, its line in the log, its trace, its count by the route that it matched, and the form of
//! its errors.

use crate::access::AskedBy;
use crate::app::App;
use crate::error_form::ErrorForm;
use crate::metrics::{HttpLabels, method_name};
use crate::request_id::{HEADER, RequestId};
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http_body::Body;
use std::sync::Arc;
use std::time::Instant;
use tracing::Instrument;

/// Names a request, and tells of it when its answer is there.
pub(crate) async fn count(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let began = Instant::now();
    let method = method_name(request.method());
    let route = request.extensions().get::<MatchedPath>().map_or("unmatched", MatchedPath::as_str).to_owned();
    let id = RequestId::of(request.headers());
    let form = ErrorForm::of(&request);
    let trace = app.telemetry.as_ref().and_then(|telemetry| telemetry.begin(request.headers()));
    request.extensions_mut().insert(id.clone());
    let span = tracing::error_span!("request", %id);
    let answer = next.run(request).instrument(span);
    let mut response = form.put_on(match &trace {
        Some(trace) => trace.watch(answer).await,
        None => answer.await,
    });
    response.headers_mut().insert(HEADER, id.value().clone());
    let labels = HttpLabels { route, method, status: response.status().as_u16() };
    if let (Some(trace), Some(telemetry)) = (trace, &app.telemetry) {
        telemetry.end(&trace, &labels, &id);
    }
    if app.options.access_log {
        log(&labels, &id, began, &response);
    }
    app.metrics.http_request(&labels);
    response
}

/// One line of the access log. Everything in it comes from closed sets or is made of plain characters; the address as it was sent, which
/// may hold anything, is not in it.
fn log(labels: &HttpLabels, id: &RequestId, began: Instant, response: &Response) {
    let HttpLabels { route, method, status } = labels;
    // Whole microseconds: what follows them is noise.
    let ms = began.elapsed().as_micros() as f64 / 1e3;
    let key = response.extensions().get::<AskedBy>().map_or("-", |AskedBy(name)| name);
    let bytes = response.body().size_hint().exact();
    tracing::info!(target: "samovar_access", method, route, status, ms, bytes, key, %id, "answered");
}
