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
use samovar_models::FamilyKind;
use samovar_models::whisper::Transcriber;
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
    count_steps(&app);
    app.metrics.speech.present(app.speech.recordings());
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

/// What the models that hear words have counted for themselves.
fn count_steps(app: &App) {
    for model in app.registry.list() {
        let hears = model.state.generation().is_some_and(|one| one.family.name() == FamilyKind::Whisper.name());
        let counts = hears.then(|| app.registry.model(&model.name)).and_then(Result::ok);
        if let Some(Ok(counts)) = counts.map(|handle| Transcriber::new(handle).counts()) {
            app.metrics.speech.stepped(&model.name, counts);
        }
    }
}
