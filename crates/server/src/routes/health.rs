//! The probes: three questions with three meanings, and everything at a glance.

use crate::app::App;
use crate::calls::CallDesk;
use crate::wire::{
    CallHealth, HealthBody, ModelDetail, ModelHealth, ProbeBody, TriageHealth, UnreadyModel, WaitingBody,
};
use axum::Json;
use axum::extract::State;
use http::StatusCode;
use samovar_calls::CallErrorKind;
use samovar_runtime::{ModelState, ModelStatus, resident_bytes};
use samovar_triage::CurrentRules;
use std::sync::Arc;
use std::sync::atomic::Ordering;

type Probe = (StatusCode, Json<ProbeBody>);

/// Is the process alive? Asks nothing of models or disks: where this fails, a restart helps.
#[utoipa::path(get, path = "/health/live", tag = "operation", responses((status = 200, body = ProbeBody)))]
pub(crate) async fn live() -> Probe {
    yes("live")
}

/// May requests be sent here? No while a model that is loaded at start has never been ready or has failed (unless
/// `on_preload_failure = "lazy"`), and from the moment the server begins to go down.
#[utoipa::path(get, path = "/health/ready", tag = "operation", responses(
    (status = 200, body = ProbeBody),
    (status = 503, description = "Which model stands in the way, and why", body = ProbeBody),
))]
pub(crate) async fn ready(State(app): State<Arc<App>>) -> Probe {
    if app.draining.load(Ordering::SeqCst) {
        return no("draining", "shutting_down", "the server is shutting down", Vec::new());
    }
    let models = unready(&app);
    if models.is_empty() {
        return yes("ready");
    }
    no("not_ready", "model_not_ready", "a model that is loaded at start is not ready", models)
}

/// Has the server come up? Once yes, always yes: a model that is lost later turns readiness, not this.
#[utoipa::path(get, path = "/health/startup", tag = "operation", responses(
    (status = 200, body = ProbeBody),
    (status = 503, description = "Still loading or warming", body = ProbeBody),
))]
pub(crate) async fn startup(State(app): State<Arc<App>>) -> Probe {
    if app.started.load(Ordering::SeqCst) {
        return yes("started");
    }
    no("starting", "model_not_ready", "models are still being loaded and warmed", unready(&app))
}

/// Everything at a glance: every model's state, engine, precision, memory and warm-up figures.
#[utoipa::path(get, path = "/health", tag = "operation", responses((status = 200, body = HealthBody)))]
pub(crate) async fn health(State(app): State<Arc<App>>) -> Json<HealthBody> {
    let device = app.registry.device_stats();
    let [live, interactive, job] = device.waiting;
    let models = app.registry.list();
    Json(HealthBody {
        status: status(&app, &models),
        version: env!("CARGO_PKG_VERSION"),
        slots: device.slots,
        waiting: WaitingBody { live, interactive, job },
        streams: app.metrics.streams.get(),
        resident_bytes: resident_bytes(),
        models_loaded: models
            .iter()
            .filter(|model| matches!(model.state, ModelState::Ready(_)))
            .map(|model| model.name.clone())
            .collect(),
        models: models
            .iter()
            .map(|model| ModelHealth { name: model.name.clone(), detail: ModelDetail::new(model) })
            .collect(),
        calls: app.calls.as_ref().map(|desk| calls(desk)),
        triage: triage(&app.rules),
    })
}

fn calls(desk: &CallDesk) -> CallHealth {
    let code = desk.fault().map(CallErrorKind::code);
    CallHealth { status: if code.is_some() { "losing" } else { "keeping" }, code }
}

fn triage(rules: &CurrentRules) -> TriageHealth {
    let refused = rules.refused();
    let (code, detail) = (refused.as_ref().map(|error| error.kind().code()), refused.map(|error| error.to_string()));
    TriageHealth { rules: rules.get().len(), code, detail }
}

pub(super) fn status(app: &App, models: &[ModelStatus]) -> &'static str {
    if app.draining.load(Ordering::SeqCst) {
        "draining"
    } else if models.iter().any(stands_in_the_way) {
        "not_ready"
    } else {
        "ready"
    }
}

/// What [`ready`] answers.
pub(super) fn is_ready(app: &App, models: &[ModelStatus]) -> bool {
    status(app, models) == "ready"
}

/// The same, of every configured model.
pub(crate) fn is_serving(app: &App) -> bool {
    is_ready(app, &app.registry.list())
}

fn yes(status: &'static str) -> Probe {
    (StatusCode::OK, Json(ProbeBody { status, code: None, detail: None, models: Vec::new() }))
}

fn no(status: &'static str, code: &'static str, detail: &'static str, models: Vec<UnreadyModel>) -> Probe {
    let body = ProbeBody { status, code: Some(code), detail: Some(detail), models };
    (StatusCode::SERVICE_UNAVAILABLE, Json(body))
}

fn unready(app: &App) -> Vec<UnreadyModel> {
    app.registry.list().iter().filter(|model| stands_in_the_way(model)).map(UnreadyModel::from).collect()
}

/// Whether readiness waits for that model.
pub(crate) fn stands_in_the_way(model: &ModelStatus) -> bool {
    model.required && !matches!(model.state, ModelState::Ready(_))
}

impl From<&ModelStatus> for UnreadyModel {
    fn from(model: &ModelStatus) -> Self {
        let failure = match &model.state {
            ModelState::Failed(failure) => Some(failure),
            _ => None,
        };
        Self {
            name: model.name.clone(),
            state: model.state.name(),
            code: failure.map(|failure| failure.kind.code()),
            retry_after_s: failure.map(|failure| failure.retry_after().as_secs()),
        }
    }
}
