//! `GET /metrics`.

use super::health::is_ready;
use crate::app::App;
use crate::metrics::{Moment, PageFormat};
use axum::extract::State;
use axum::response::IntoResponse;
use http::HeaderMap;
use http::header::{CONTENT_TYPE, VARY};
use std::sync::Arc;

/// Counters, levels and histograms for Prometheus: OpenMetrics for who asks for it, else the classic text.
#[utoipa::path(get, path = "/metrics", tag = "operation", responses(
    (status = 200, description = "The page", content(
        (String = "text/plain"),
        (String = "application/openmetrics-text"),
    )),
))]
pub(crate) async fn page(State(app): State<Arc<App>>, headers: HeaderMap) -> impl IntoResponse {
    let format = PageFormat::wanted(&headers);
    let models = app.registry.list();
    let moment = Moment { models: &models, ready: is_ready(&app, &models), memory: app.registry.memory() };
    ([(CONTENT_TYPE, format.content_type()), (VARY, "accept")], app.metrics.page(&moment, format))
}
