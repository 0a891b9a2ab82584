//! `GET /metrics`.

use crate::app::App;
use axum::extract::State;
use axum::response::IntoResponse;
use http::header::CONTENT_TYPE;
use std::sync::Arc;

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Counters, levels and histograms for Prometheus.
#[utoipa::path(get, path = "/metrics", tag = "operation", responses(
    (status = 200, description = "OpenMetrics text", body = String, content_type = OPEN_METRICS),
))]
pub(crate) async fn page(State(app): State<Arc<App>>) -> impl IntoResponse {
    ([(CONTENT_TYPE, OPEN_METRICS)], app.metrics.page(&app.registry.list()))
}
