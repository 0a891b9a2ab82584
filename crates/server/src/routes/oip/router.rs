//! The protocol's addresses.

use super::{infer, models, repository, settings, shared_memory};
use crate::app::App;
use axum::Router;
use axum::routing::{get, post};
use std::sync::Arc;

/// Every address of the protocol and of the extensions that are served.
pub(crate) fn router() -> Router<Arc<App>> {
    Router::new()
        .merge(server())
        .merge(of_model("/v2/models/{model}"))
        .merge(of_model("/v2/models/{model}/versions/{version}"))
        .merge(shared())
}

fn server() -> Router<Arc<App>> {
    Router::new()
        .route("/v2", get(models::server))
        .route("/v2/health/live", get(models::live))
        .route("/v2/health/ready", get(models::server_ready))
        .route("/v2/models", get(models::list))
        .route("/v2/models/stats", get(models::statistics))
        .route("/v2/repository/index", post(repository::index))
        .route("/v2/repository/models/{model}/load", post(repository::load))
        .route("/v2/repository/models/{model}/unload", post(repository::unload))
        .route("/v2/trace/setting", get(settings::trace).post(settings::set_trace))
        .route("/v2/models/{model}/trace/setting", get(settings::trace).post(settings::set_trace))
        .route("/v2/logging", get(settings::log).post(settings::set_log))
}

fn of_model(base: &str) -> Router<Arc<App>> {
    let at = |rest: &str| format!("{base}{rest}");
    Router::new()
        .route(base, get(models::metadata))
        .route(&at("/ready"), get(models::ready))
        .route(&at("/config"), get(models::config))
        .route(&at("/stats"), get(models::statistics))
        .route(&at("/infer"), post(infer::infer))
        .route(&at("/generate"), post(infer::generate))
        .route(&at("/generate_stream"), post(infer::generate))
}

fn shared() -> Router<Arc<App>> {
    let system = "/v2/systemsharedmemory";
    let cuda = "/v2/cudasharedmemory";
    Router::new()
        .route(&format!("{system}/status"), get(shared_memory::status))
        .route(&format!("{system}/unregister"), post(shared_memory::unregister))
        .route(&format!("{system}/region/{{region}}/status"), get(shared_memory::status))
        .route(&format!("{system}/region/{{region}}/register"), post(shared_memory::register))
        .route(&format!("{system}/region/{{region}}/unregister"), post(shared_memory::unregister))
        .route(&format!("{cuda}/status"), get(shared_memory::no_cuda_regions))
        .route(&format!("{cuda}/unregister"), post(shared_memory::nothing_to_unregister))
        .route(&format!("{cuda}/region/{{region}}/status"), get(shared_memory::no_cuda))
        .route(&format!("{cuda}/region/{{region}}/register"), post(shared_memory::no_cuda))
        .route(&format!("{cuda}/region/{{region}}/unregister"), post(shared_memory::nothing_to_unregister))
}
