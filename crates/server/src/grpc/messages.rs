//! What the build makes of the protocol files.

/// The Open Inference Protocol.
#[expect(
    clippy::allow_attributes_without_reason,
    clippy::enum_variant_names,
    clippy::too_many_lines,
    reason = "made by the build"
)]
pub(super) mod inference {
    tonic::include_proto!("inference");
}

/// gRPC's own health.
#[expect(clippy::allow_attributes_without_reason, clippy::too_many_lines, reason = "made by the build")]
pub(super) mod health {
    tonic::include_proto!("grpc.health.v1");
}
