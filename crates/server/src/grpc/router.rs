//! The addresses of gRPC's calls, as routes like all others: the same connections, limits, keys and counts.

use super::calls::Calls;
use super::health::HealthCalls;
use super::messages::health::health_server::HealthServer;
use super::messages::inference::grpc_inference_service_server::GrpcInferenceServiceServer;
use super::{deadline, infer, infer_stream};
use crate::app::App;
use axum::Router;
use axum::middleware::from_fn;
use axum::routing::{post, post_service};
use std::sync::Arc;

/// The address of the streaming call, whose body has no end of its own.
pub(crate) const STREAM: &str = "/inference.GRPCInferenceService/ModelStreamInfer";
const INFER: &str = "/inference.GRPCInferenceService/ModelInfer";
const INFERENCE: &str = "/inference.GRPCInferenceService/{*rest}";
const HEALTH: &str = "/grpc.health.v1.Health/{*rest}";

/// Every call.
pub(crate) fn router(app: &Arc<App>) -> Router<Arc<App>> {
    let calls = GrpcInferenceServiceServer::new(Calls(Arc::clone(app))).max_decoding_message_size(CALL_BYTES_MAX);
    let health = HealthServer::new(HealthCalls::new(Arc::clone(app))).max_decoding_message_size(HEALTH_BYTES_MAX);
    Router::new()
        .route(INFER, post(infer::infer))
        .route(STREAM, post(infer_stream::infer_stream))
        .route(INFERENCE, post_service(calls))
        .route(HEALTH, post_service(health))
        .layer(from_fn(deadline::hold))
}

/// The small calls carry names and settings.
const CALL_BYTES_MAX: usize = 256 << 10;
/// A check names a model and nothing else.
const HEALTH_BYTES_MAX: usize = 4 << 10;
