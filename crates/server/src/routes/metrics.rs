//! `GET /metrics`.

use super::health::is_ready;
use crate::app::App;
use crate::error::ApiError;
use crate::machine_view::MachineView;
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
pub(crate) async fn page(State(app): State<Arc<App>>, headers: HeaderMap) -> Result<impl IntoResponse, ApiError> {
    let format = PageFormat::wanted(&headers);
    if let Some(jobs) = &app.jobs {
        jobs.sample(&app.metrics).await;
    }
    app.metrics.body_bytes.set(i64::try_from(app.bodies.held_bytes()).unwrap_or(i64::MAX));
    let models = app.registry.list();
    let (device, view) = (app.registry.device_stats(), MachineView::now(&app).await?);
    let moment = Moment {
        models: &models,
        ready: is_ready(&app, &models),
        memory: app.registry.memory(),
        slots: device.slots,
        waiting: device.waiting,
        machine: view.sample,
        disks: view.disks,
    };
    Ok(([(CONTENT_TYPE, format.content_type()), (VARY, "accept")], app.metrics.page(&moment, format)))
}
