//! The description of the API and the page on which it can be read and tried, without any other server.

use axum::Router;
use utoipa::OpenApi;
use utoipa_swagger_ui::SwaggerUi;

use crate::wire::{
    AnomalyControl, AnomalyMessageBody, CallControl, CallEventBody, Control, SegmentControl, SegmentEventBody,
    StreamEventBody, StreamNotice,
};

/// What is said about the API as a whole; the routes add themselves.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Samovar",
        description = "Media inference: each model is loaded once, warmed once and shared by every stream and request. \
            Every error is a problem document (RFC 9457) with a stable `code`."
    ),
    tags(
        (name = "vision", description = "Pictures in, typed results out"),
        (name = "texts", description = "Texts and pictures as vectors: embeddings, ranks, likenesses"),
        (name = "speech", description = "Recordings in, what is said in them out"),
        (name = "calls", description = "Calls that are kept, and recordings analysed as calls"),
        (name = "streams", description = "Live frames in, events out, over WebSocket"),
        (name = "jobs", description = "Recorded media: handed in, worked through in the background, kept through restarts"),
        (name = "protocol", description = "The Open Inference Protocol v2 with Triton's extensions; the same over gRPC"),
        (name = "models", description = "What is configured, and what is done with it"),
        (name = "operation", description = "Probes and figures"),
    ),
    components(schemas(AnomalyControl, AnomalyMessageBody, CallControl, CallEventBody, StreamNotice, StreamEventBody, Control, SegmentEventBody, SegmentControl)),
)]
struct Description;

pub(crate) fn describe() -> utoipa::openapi::OpenApi {
    Description::openapi()
}

/// `/openapi.json`, and `/docs` to read it.
pub(crate) fn router<S: Clone + Send + Sync + 'static>(api: utoipa::openapi::OpenApi) -> Router<S> {
    SwaggerUi::new("/docs").url("/openapi.json", api).into()
}
