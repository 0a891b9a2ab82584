//! The life of models over HTTP.

use crate::client::{get, post};
use crate::house::{House, options};
use crate::pictures::png;
use samovar_engine_api::EngineErrorKind;
use samovar_engines::FakeFault;
use samovar_server::ServerLimits;

#[tokio::test(flavor = "multi_thread")]
async fn a_model_is_listed_loaded_swapped_and_freed() {
    let house = House::fake_with(options(), false).await;
    let list = get(house.address, "/v1/models").await.json();
    let first = &list["data"][0];
    assert_eq!(
        (&list["object"], &first["id"], &first["object"], &first["state"]),
        (&"list".into(), &"fake".into(), &"model".into(), &"absent".into())
    );
    let generation = async |action: &str| {
        post(house.address, &format!("/v1/models/fake/{action}"), b"").await.json()["serving"]["generation"].clone()
    };
    assert_eq!(generation("load").await, 1);
    assert_eq!(generation("load").await, 1, "it was loaded");
    assert_eq!(generation("warm-up").await, 1);
    assert_eq!(generation("reload").await, 2);
    assert!(generation("unload").await.is_null());
    assert_eq!(house.fake.counts().loaded_alive, 0);
    assert_eq!(post(house.address, "/v1/detect", &png(8, 8, 1)).await.json()["generation"], 3, "first use loads");
    assert_eq!(house.metric("samovar_loads_total{model=\"fake\"}").await, 3.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn force_warms_again_and_nothing_else_does() {
    let house = House::fake(ServerLimits::default()).await;
    let warm_ups = async || house.metric("samovar_warmup_total{model=\"fake\"}").await;
    assert_eq!(post(house.address, "/v1/models/fake/warm-up", b"{}").await.status, 200);
    assert_eq!(warm_ups().await, 1.0);
    assert_eq!(post(house.address, "/v1/models/fake/warm-up", b"{\"force\": true}").await.status, 200);
    assert_eq!(warm_ups().await, 2.0);
    assert_eq!(
        post(house.address, "/v1/models/fake/warm-up", b"{\"farce\": true}").await.json()["code"],
        "invalid_body"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_reload_leaves_the_old_one_serving() {
    let house = House::fake(ServerLimits::default()).await;
    let before = post(house.address, "/v1/detect", &png(8, 8, 1)).await.json();
    house.fake.fail_every_load(Some(FakeFault::Error(EngineErrorKind::Model)));
    let answer = post(house.address, "/v1/models/fake/reload", b"").await;
    assert_eq!((answer.status, &answer.json()["code"]), (422, &"model_file_damaged".into()));
    assert!(answer.json()["cure"].is_string() && !answer.text().contains("fake.onnx"), "{}", answer.text());
    let after = post(house.address, "/v1/detect", &png(8, 8, 1)).await.json();
    assert_eq!((&after["generation"], &after["detections"]), (&before["generation"], &before["detections"]));
}
