//! The whole life of models over HTTP: warm-ups that are told, versions, clearing, budgets, preloads that fail.

use crate::client::{get, post};
use crate::house::{House, fake_detector, options, port, spec};
use crate::pictures::png;
use samovar_engine_api::{EngineErrorKind, Signature};
use samovar_engines::{FakeEngine, FakeFault, FakeModel};
use samovar_runtime::{ModelSource, ModelSpec, OnPreloadFailure, RegistryOptions, VersionChoice};
use samovar_server::ServerLimits;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;

async fn warm_up(house: &House, body: &Value) -> Value {
    post(house.address, "/v1/models/fake/warm-up", body.to_string().as_bytes()).await.json()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_warm_up_says_whether_it_ran_and_what_it_took() {
    let house = House::fake_with(options(), false).await;
    let first = warm_up(&house, &json!({})).await;
    assert_eq!(
        (&first["outcome"], &first["state"], &first["id"]),
        (&"ran".into(), &"ready".into(), &"fake".into()),
        "{first}"
    );
    let serving = &first["serving"];
    assert!(serving["load_ms"].is_number() && serving["peak_bytes"].as_u64() >= serving["memory_bytes"].as_u64());
    for figure in ["took_ms", "first_run_ms", "settled_run_ms", "runs"] {
        assert!(serving["warm_up"][figure].as_f64().unwrap() > 0.0, "{figure}: {serving}");
    }
    assert_eq!(serving["plan"], json!({"source": "default"}));
    assert_eq!(warm_up(&house, &json!({})).await["outcome"], "skipped");
    let forced = warm_up(&house, &json!({"force": true})).await;
    assert_eq!((&forced["outcome"], &forced["serving"]["generation"]), (&"ran".into(), &1.into()));
    let metric = async |name: &str| house.metric(&format!("{name}{{model=\"fake\"}}")).await;
    assert_eq!((metric("samovar_warmup_total").await, metric("samovar_warmup_skipped_total").await), (2.0, 1.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn clearing_frees_every_model_and_the_next_use_warms_again() {
    let house = House::fake(ServerLimits::default()).await;
    let cleared = post(house.address, "/v1/models/clear", b"").await;
    assert_eq!((cleared.status, &cleared.json()["object"]), (200, &"list".into()));
    assert_eq!(cleared.json()["data"][0]["state"], "absent");
    assert_eq!(house.fake.counts().loaded_alive, 0);
    assert_eq!(get(house.address, "/health/ready").await.status, 200, "it comes back with its next use");
    assert_eq!(post(house.address, "/v1/detect", &png(8, 8, 1)).await.json()["generation"], 2);
    assert_eq!(house.metric("samovar_warmup_total{model=\"fake\"}").await, 2.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_nobody_can_have_are_nobodys() {
    let house = House::fake(ServerLimits::default()).await;
    for name in ["nobody", "..%2Ffake", "%FF", "fake%00", "%F0%9F%AB%96"] {
        for action in ["load", "unload", "reload", "warm-up"] {
            let answer = post(house.address, &format!("/v1/models/{name}/{action}"), b"").await;
            assert_eq!((answer.status, &answer.json()["code"]), (404, &"model_not_found".into()), "{name} {action}");
        }
    }
}

/// A model `fake` in a folder with versions 1, 2 and 3.
async fn versioned() -> (House, [FakeModel; 3], TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    let models = [(); 3].map(|()| fake_detector());
    let mut engine = FakeEngine::new();
    for (number, model) in (1..).zip(&models) {
        let path = root.join(number.to_string()).join("model.onnx");
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, "graph").unwrap();
        engine = engine.with(path, model);
    }
    let source = ModelSource::Versions { folder: root, choice: VersionChoice::Latest { keep: 2 } };
    let specs = vec![ModelSpec { source, ..spec("fake", Path::new("")) }];
    (House::start(options(), Arc::new(engine), specs, models[0].clone()).await, models, folder)
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_are_exchanged_forth_and_back_and_every_result_names_its_own() {
    let (house, models, _folder) = versioned().await;
    let detected = async || {
        let answer = post(house.address, "/v1/detect", &png(8, 8, 1)).await.json();
        (answer["version"].clone(), answer["generation"].clone())
    };
    let reload = async |body: &str| post(house.address, "/v1/models/fake/reload", body.as_bytes()).await;
    assert_eq!(detected().await, (3.into(), 1.into()));
    assert_eq!(reload(r#"{"version": 1}"#).await.json()["serving"]["version"], 1);
    assert_eq!(detected().await, (1.into(), 2.into()));
    assert_eq!(reload("").await.json()["serving"]["version"], 1, "the same one again");
    models[1].fail_every_load(Some(FakeFault::Error(EngineErrorKind::Model)));
    let failed = reload(r#"{"version": 2}"#).await;
    assert_eq!((failed.status, &failed.json()["code"]), (422, &"model_file_damaged".into()));
    let absent = reload(r#"{"version": 9}"#).await;
    assert_eq!((absent.status, &absent.json()["code"]), (422, &"version_not_found".into()));
    assert_eq!(detected().await, (1.into(), 3.into()), "the old one goes on serving");
    let model = get(house.address, "/v1/models/fake").await.json();
    assert_eq!(
        (&model["state"], &model["reload_failure"]["code"]),
        (&"ready".into(), &"version_not_found".into()),
        "{model}"
    );
    assert_eq!(reload(r#"{"version": "latest"}"#).await.json()["serving"]["version"], 3);
    for body in [r#"{"version": "newest"}"#, r#"{"version": -1}"#, r#"{"versions": 1}"#, "3"] {
        assert_eq!(reload(body).await.json()["code"], "invalid_body", "{body}");
    }
}

/// A house of one model with these options of the registry.
async fn house_with(registry: RegistryOptions, fake: FakeModel) -> House {
    House::start_with(options(), registry, vec![spec("fake", Path::new("fake.onnx"))], fake).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_does_not_fit_is_refused_with_the_code_of_the_budget() {
    let fake = fake_detector();
    let engine = Arc::new(FakeEngine::new().with("fake.onnx", &fake));
    let registry = RegistryOptions { memory_limit: Some(1 << 20), ..RegistryOptions::new(vec![engine]) };
    let house = house_with(registry, fake).await;
    let loaded = post(house.address, "/v1/models/fake/load", b"").await;
    assert_eq!((loaded.status, &loaded.json()["code"]), (422, &"memory_limit".into()), "{}", loaded.text());
    assert!(loaded.json()["cure"].as_str().unwrap().contains("limit"));
    let asked = post(house.address, "/v1/detect", &png(8, 8, 1)).await;
    assert_eq!((asked.status, &asked.json()["code"]), (503, &"model_not_ready".into()));
    assert!(asked.header("retry-after").unwrap().parse::<u64>().unwrap() >= 1);
    let model = get(house.address, "/v1/models/fake").await.json();
    assert_eq!((&model["state"], &model["failure"]["code"]), (&"failed".into(), &"memory_limit".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_follows_what_a_failed_preload_means() {
    for (policy, ready, required) in [(OnPreloadFailure::Degraded, 503, true), (OnPreloadFailure::Lazy, 200, false)] {
        let fake = fake_detector();
        fake.fail_every_load(Some(FakeFault::Error(EngineErrorKind::Model)));
        let engine = Arc::new(FakeEngine::new().with("fake.onnx", &fake));
        let registry = RegistryOptions { on_preload_failure: policy, ..RegistryOptions::new(vec![engine]) };
        let house = house_with(registry, fake).await;
        assert_eq!(get(house.address, "/health/ready").await.status, ready, "{policy:?}");
        assert_eq!(get(house.address, "/health").await.json()["models"][0]["required"], required, "{policy:?}");
        assert_eq!(get(house.address, "/health/live").await.status, 200);
        let asked = post(house.address, "/v1/detect", &png(8, 8, 1)).await;
        assert_eq!(asked.status, 503, "{policy:?}");
        assert!(asked.header("retry-after").is_some());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_fits_no_family_fails_its_load_and_not_the_first_request() {
    let fake = FakeModel::new(Signature {
        inputs: vec![port("ids", &[7])],
        outputs: vec![port("out", &[3])],
        metadata: std::collections::BTreeMap::default(),
    });
    let engine = Arc::new(FakeEngine::new().with("fake.onnx", &fake));
    let house = house_with(RegistryOptions::new(vec![engine]), fake).await;
    let loaded = post(house.address, "/v1/models/fake/load", b"").await;
    assert_eq!((loaded.status, &loaded.json()["code"]), (422, &"model_contract".into()));
    let ready = get(house.address, "/health/ready").await.json();
    assert_eq!(ready["models"][0]["code"], "model_contract");
}
