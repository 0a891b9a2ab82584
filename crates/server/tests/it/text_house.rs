//! A server with small models of texts, towers and faces on a real engine, each held against its reference elsewhere.

use crate::client::{Answer, post};
use crate::house::{House, fake_detector, options, shared};
use samovar_engines::Rten;
use samovar_models::{FamilyHints, TextHints, binder};
use samovar_runtime::{ModelSource, ModelSpec, Precision, PrecisionChoice};
use samovar_server::ServerOptions;
use samovar_service::text::{Pair, Pairs};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A file of the families' own tests.
pub(crate) fn fixture(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/tests/fixtures").join(path)
}

/// What the references say about the small models of texts.
pub(crate) fn expected() -> Value {
    serde_json::from_slice(&std::fs::read(fixture("text/expected.json")).unwrap()).unwrap()
}

fn spec(name: &str, file: &Path, text: TextHints) -> ModelSpec {
    let hints = FamilyHints { assets: file.parent().map(Path::to_path_buf), text, ..FamilyHints::default() };
    ModelSpec {
        precision: PrecisionChoice::Fixed(Precision::F32),
        ..ModelSpec::new(name, ModelSource::file(file), binder(hints))
    }
}

/// `NAME` is the model of the fixtures' folder `text/NAME`.
pub(crate) async fn texts(names: &[&str]) -> House {
    // As the references were made.
    let tokens_max = |name: &str| (name == "reranker").then_some(48);
    let model = |name: &&str| {
        let hints = TextHints { tokens_max: tokens_max(name), ..TextHints::default() };
        spec(name, &fixture(&format!("text/{name}/model.onnx")), hints)
    };
    House::start(options(), Arc::new(Rten), names.iter().map(model).collect(), fake_detector()).await
}

/// Both towers of the fixtures' folder `image_text/NAME` as a pair of that name, and what is small of it beside it.
pub(crate) async fn pair(name: &str) -> House {
    let tower = |side: &str| fixture(&format!("image_text/{name}/{side}_model.onnx"));
    let specs = [("pictures", "vision"), ("captions", "text")]
        .map(|(model, side)| spec(model, &tower(side), TextHints::default()));
    let both = Pair { image: Some("pictures".to_owned()), text: Some("captions".to_owned()) };
    let options = ServerOptions { pairs: Pairs::from([(name.to_owned(), both)]), ..options() };
    House::start(options, Arc::new(Rten), specs.into(), fake_detector()).await
}

/// The real MiniLM; none where it is absent.
pub(crate) async fn mini_lm() -> Option<House> {
    let file = shared()?.join("minilm/model.onnx");
    Some(House::start(options(), Arc::new(Rten), vec![spec("minilm", &file, mean())], fake_detector()).await)
}

/// The file that would say so lies elsewhere in the test set.
fn mean() -> TextHints {
    TextHints { pooling: Some(samovar_models::Pooling::Mean), normalize: Some(true), ..TextHints::default() }
}

/// One model of that file.
pub(crate) async fn one(name: &str, file: &Path) -> House {
    House::start(options(), Arc::new(Rten), vec![spec(name, file, TextHints::default())], fake_detector()).await
}

/// Posts JSON as JSON.
pub(crate) async fn ask(house: &House, path: &str, body: &Value) -> Answer {
    post(house.address, path, &serde_json::to_vec(body).unwrap()).await
}

/// The answer of a request that must be one.
pub(crate) async fn asked(house: &House, path: &str, body: &Value) -> Value {
    let answer = ask(house, path, body).await;
    assert_eq!(answer.status, 200, "{path} {body}: {}", answer.text());
    answer.json()
}

pub(crate) fn floats(value: &Value) -> Vec<f32> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap() as f32).collect()
}

/// The largest difference of two lists of the same length.
pub(crate) fn difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}
