//! Houses with models that take any tensors, and requests for them over HTTP.

use crate::client::{Answer, post_with};
use crate::house::{House, options, port, spec};
use samovar_engine_api::{Dim, ElementType, Port, Signature};
use samovar_engines::{FakeEngine, FakeModel, Rten};
use samovar_models::{FamilyHints, FamilyKind, binder};
use samovar_runtime::{ModelSource, ModelSpec};
use samovar_server::ServerOptions;
use std::path::Path;
use std::sync::Arc;

/// A warm model `mixed`: `values` of f32 `[batch, 3]` and `ids` of i64 `[batch, tokens]` in; `scores` of f32 `[batch, 4]` and `halves` of
/// f16 `[batch, 2]` out. Up to four requests share a run.
pub(crate) async fn mixed_house(options: ServerOptions) -> House {
    let axis = |name: &str| Dim::Dynamic(Some(name.to_owned()));
    let ids = Port { name: "ids".to_owned(), element: ElementType::I64, dims: vec![axis("batch"), axis("tokens")] };
    let fake = FakeModel::new(Signature {
        inputs: vec![port("values", &[3]), ids],
        outputs: vec![port("scores", &[4]), Port { element: ElementType::F16, ..port("halves", &[2]) }],
        metadata: [("names".to_owned(), "{0: 'cat', 1: 'dog', 2: 'owl', 3: 'fox'}".to_owned())].into(),
    });
    let engine = FakeEngine::new().with("mixed.onnx", &fake);
    let spec = ModelSpec { batch_max: Some(4), ..tensor_spec("mixed", Path::new("mixed.onnx")) };
    House::start(options, Arc::new(engine), vec![spec], fake).await
}

/// A warm model `echo` on the built-in engine: `x` of f32 `[batch, numbers]` in, the same as `y` out.
pub(crate) async fn echo_house() -> House {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../samovar/src/bench/service/identity.onnx");
    House::start(options(), Arc::new(Rten), vec![tensor_spec("echo", &path)], FakeModel::rows(1)).await
}

fn tensor_spec(name: &str, path: &Path) -> ModelSpec {
    let hints = FamilyHints { family: Some(FamilyKind::Tensor), ..FamilyHints::default() };
    let loose = spec(name, path);
    ModelSpec {
        batch_max: Some(1),
        ..ModelSpec { precision: loose.precision, ..ModelSpec::new(name, ModelSource::file(path), binder(hints)) }
    }
}

/// Posts JSON with binary tensors behind it.
pub(crate) async fn infer_binary(house: &House, model: &str, json: &str, binary: &[u8]) -> Answer {
    let headers = format!("inference-header-content-length: {}\r\n", json.len());
    let body = [json.as_bytes(), binary].concat();
    post_with(house.address, &format!("/v2/models/{model}/infer"), &headers, &body).await
}

/// The JSON of an answer and the bytes behind it.
pub(crate) fn parts(answer: &Answer) -> (serde_json::Value, &[u8]) {
    let length =
        answer.header("inference-header-content-length").map_or(answer.body.len(), |length| length.parse().unwrap());
    let (json, binary) = answer.body.split_at(length);
    (serde_json::from_slice(json).unwrap(), binary)
}

/// Little-endian.
pub(crate) fn bytes(numbers: &[f32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}
