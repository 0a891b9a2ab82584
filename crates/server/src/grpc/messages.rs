//! What the build makes of the protocol files.

/// The Open Inference Protocol.
pub(super) mod inference {
    tonic::include_proto!("inference");
}

/// gRPC's own health.
pub(super) mod health {
    tonic::include_proto!("grpc.health.v1");
}
