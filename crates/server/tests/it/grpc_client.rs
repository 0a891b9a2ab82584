//! A client of gRPC, made from the same protocol files, and a house with a model for it.

use crate::house::{House, options, spec};
use bytes::Bytes;
use health::health_client::HealthClient;
use inference::grpc_inference_service_client::GrpcInferenceServiceClient;
use inference::model_infer_request::InferInputTensor;
use inference::{InferParameter, ModelInferRequest, infer_parameter::ParameterChoice};
use samovar_engines::{FakeEngine, FakeModel, Rten};
use samovar_models::{FamilyHints, FamilyKind, binder};
use samovar_runtime::{ModelSource, ModelSpec};
use samovar_server::ServerOptions;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use tonic::transport::{Channel, Endpoint};

#[expect(clippy::allow_attributes_without_reason, clippy::enum_variant_names, reason = "made by the build")]
pub(crate) mod inference {
    include!(concat!(env!("OUT_DIR"), "/clients/inference.rs"));
}

#[expect(clippy::allow_attributes_without_reason, reason = "made by the build")]
pub(crate) mod health {
    include!(concat!(env!("OUT_DIR"), "/clients/grpc.health.v1.rs"));
}

pub(crate) type Client = GrpcInferenceServiceClient<Channel>;

/// A warm model `rows`: `images` of f32 `[batch, 4]` in, `scores` of f32 `[batch, 4]` out.
pub(crate) async fn rows_house(options: ServerOptions) -> House {
    let fake = FakeModel::rows(4);
    let engine = FakeEngine::new().with("rows.onnx", &fake);
    House::start(options, Arc::new(engine), vec![tensor_spec("rows", Path::new("rows.onnx"))], fake).await
}

/// A warm model `identity`: `x` of f32 `[batch, numbers]` in, the same as `y` out.
pub(crate) async fn identity_house() -> House {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../samovar/src/bench/service/identity.onnx");
    House::start(options(), Arc::new(Rten), vec![tensor_spec("identity", &path)], FakeModel::rows(1)).await
}

fn tensor_spec(name: &str, path: &Path) -> ModelSpec {
    let hints = FamilyHints { family: Some(FamilyKind::Tensor), ..FamilyHints::default() };
    ModelSpec { batch_max: spec(name, path).batch_max, ..ModelSpec::new(name, ModelSource::file(path), binder(hints)) }
}

pub(crate) async fn channel(address: SocketAddr) -> Channel {
    Endpoint::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap()
}

pub(crate) async fn client(address: SocketAddr) -> Client {
    Client::new(channel(address).await).max_decoding_message_size(64 << 20)
}

pub(crate) async fn health_client(address: SocketAddr) -> HealthClient<Channel> {
    HealthClient::new(channel(address).await)
}

/// One row for `rows`, raw.
pub(crate) fn row(id: &str, values: [f32; 4]) -> ModelInferRequest {
    raw("rows", "images", id, &values)
}

/// One row of numbers, raw.
pub(crate) fn raw(model: &str, input: &str, id: &str, values: &[f32]) -> ModelInferRequest {
    ModelInferRequest {
        model_name: model.to_owned(),
        id: id.to_owned(),
        inputs: vec![tensor(input, "FP32", &[1, values.len() as i64])],
        raw_input_contents: vec![bytes_of(values)],
        ..ModelInferRequest::default()
    }
}

pub(crate) fn tensor(name: &str, datatype: &str, shape: &[i64]) -> InferInputTensor {
    InferInputTensor {
        name: name.to_owned(),
        datatype: datatype.to_owned(),
        shape: shape.to_vec(),
        ..InferInputTensor::default()
    }
}

pub(crate) fn bytes_of(values: &[f32]) -> Bytes {
    values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>().into()
}

pub(crate) fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.chunks_exact(4).map(|chunk| f32::from_le_bytes(chunk.try_into().unwrap())).collect()
}

pub(crate) fn text(text: &str) -> InferParameter {
    InferParameter { parameter_choice: Some(ParameterChoice::StringParam(text.to_owned())) }
}

pub(crate) fn number(number: i64) -> InferParameter {
    InferParameter { parameter_choice: Some(ParameterChoice::Int64Param(number)) }
}

/// The stable code of an error.
pub(crate) fn code_of(status: &tonic::Status) -> &str {
    status.metadata().get("error-code").map_or("", |code| code.to_str().unwrap())
}
