//! All routes together, with what surrounds each of them.

use super::{
    analyze, anomaly_stream, asr, audio_transcriptions, call_stream, calls, console, detect, embeddings, evidence,
    faces, health, jobs, jobs_events, jobs_result, jobs_submit, machine, metrics, models, oip, pose, realtime, rerank,
    segment, segment_stream, similarity, sources, stream, stream_events, stream_view, streams, tei, zero_shot,
};
use crate::app::App;
use crate::error::{ApiError, Refusal};
use crate::{access, api_page, cors, counted, grpc, hygiene};
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use std::any::Any;
use std::sync::Arc;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Every route of the server. From the outside in: counted, checked, guarded against panics.
pub(crate) fn router(app: &Arc<App>) -> Router {
    let (documented, mut api) = documented().split_for_parts();
    oip::add_to(&mut api);
    let router = documented
        .merge(grpc::router(app))
        .merge(oip::router())
        .merge(console::router())
        .merge(api_page::router(api))
        .fallback(no_route)
        .method_not_allowed_fallback(no_method)
        // Bodies are counted before they get here, with the limit of the table.
        .layer(DefaultBodyLimit::disable())
        .layer(CatchPanicLayer::custom(Panicked(Arc::clone(app))))
        .layer(from_fn_with_state(Arc::clone(app), access::admit))
        .layer(from_fn_with_state(Arc::clone(app), hygiene::check));
    let shared = if app.options.allowed_origins.is_empty() {
        router
    } else {
        router.layer(from_fn_with_state(Arc::clone(app), cors::share))
    };
    shared.layer(from_fn_with_state(Arc::clone(app), counted::count)).with_state(Arc::clone(app))
}

fn documented() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::with_openapi(api_page::describe())
        .routes(routes!(detect::detect))
        .routes(routes!(segment::segment))
        .routes(routes!(embeddings::embeddings))
        .routes(routes!(embeddings::embed_text))
        .routes(routes!(embeddings::embed_vision))
        .routes(routes!(audio_transcriptions::transcriptions))
        .routes(routes!(audio_transcriptions::translations))
        .routes(routes!(asr::transcribe))
        .routes(routes!(rerank::rerank))
        .routes(routes!(tei::embed))
        .routes(routes!(tei::embed_sparse))
        .routes(routes!(tei::rerank))
        .routes(routes!(tei::similarity))
        .routes(routes!(tei::info))
        .routes(routes!(similarity::similarity))
        .routes(routes!(zero_shot::zero_shot))
        .routes(routes!(faces::faces))
        .routes(routes!(faces::detect_faces))
        .routes(routes!(stream::open))
        .routes(routes!(pose::pose))
        .routes(routes!(segment_stream::open_segment))
        .routes(routes!(anomaly_stream::open_anomaly))
        .routes(routes!(call_stream::open_call))
        .routes(routes!(realtime::open_realtime))
        .routes(routes!(realtime::create_session))
        .routes(routes!(realtime::create_secret))
        .routes(routes!(streams::list_streams))
        .routes(routes!(streams::show_stream, streams::close_stream))
        .routes(routes!(stream_events::events))
        .routes(routes!(stream_events::all_events))
        .routes(routes!(stream_view::view))
        .routes(routes!(sources::list))
        .routes(routes!(sources::add))
        .routes(routes!(sources::show))
        .routes(routes!(sources::set_options))
        .routes(routes!(sources::remove))
        .routes(routes!(evidence::list))
        .routes(routes!(evidence::show))
        .routes(routes!(evidence::snapshot))
        .routes(routes!(evidence::clip))
        .routes(routes!(evidence::remove))
        .routes(routes!(jobs::list))
        .routes(routes!(jobs_submit::submit))
        .routes(routes!(jobs::show))
        .routes(routes!(jobs::cancel))
        .routes(routes!(jobs::retry))
        .routes(routes!(jobs::remove))
        .routes(routes!(jobs_events::events))
        .routes(routes!(jobs_result::result))
        .routes(routes!(jobs_result::file))
        .routes(routes!(analyze::analyze))
        .routes(routes!(calls::list))
        .routes(routes!(calls::show, calls::remove))
        .routes(routes!(calls::audio))
        .routes(routes!(models::list))
        .routes(routes!(models::clear))
        .routes(routes!(models::show))
        .routes(routes!(models::load))
        .routes(routes!(models::unload))
        .routes(routes!(models::reload))
        .routes(routes!(models::warm_up))
        .routes(routes!(health::live))
        .routes(routes!(health::ready))
        .routes(routes!(health::startup))
        .routes(routes!(health::health))
        .routes(routes!(machine::machine))
        .routes(routes!(metrics::page))
}

async fn no_route() -> ApiError {
    ApiError::new(Refusal::Route, "there is nothing at this address")
}

async fn no_method() -> ApiError {
    ApiError::new(Refusal::Method, "this address does not take that method")
}

/// Turns a panic into an answer: it costs one request.
#[derive(Clone)]
struct Panicked(Arc<App>);

impl tower_http::catch_panic::ResponseForPanic for Panicked {
    type ResponseBody = axum::body::Body;

    fn response_for_panic(&mut self, _panic: Box<dyn Any + Send + 'static>) -> Response {
        self.0.metrics.panicked();
        tracing::error!("a request ended in a panic");
        ApiError::internal().into_response()
    }
}
