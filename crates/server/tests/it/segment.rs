//! Segmentation of single pictures over HTTP.

use crate::client::{get, post, post_with};
use crate::house::{House, fake_segmenter, options, spec};
use crate::pictures::png;
use samovar_engines::FakeEngine;
use std::path::Path;
use std::sync::Arc;

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_is_answered_with_areas_and_the_mask_that_was_asked_for() {
    let (house, _) = House::modes().await;
    let picture = png(40, 30, 1);
    let json = post(house.address, "/v1/segment?mode=balanced", &picture).await.json();
    assert_eq!((&json["mode"], &json["model"]), (&"balanced".into(), &"seg-balanced".into()), "{json}");
    assert_eq!((&json["generation"], &json["width"], &json["height"]), (&1.into(), &40.into(), &30.into()));
    assert_eq!(json["areas"], serde_json::json!([{"class_id": 2, "label": "thing 2", "share": 1.0}]));
    assert_eq!(json["mask"], serde_json::json!({"form": "rle", "runs": [2, 1200]}));
    assert!(json["timings"]["total_ms"].as_f64().unwrap() > 0.0 && json["version"].is_null());
    let mask =
        async |query: &str| post(house.address, &format!("/v1/segment?{query}"), &picture).await.json()["mask"].clone();
    let outer = serde_json::json!([[0, 0], [40, 0], [40, 30], [0, 30]]);
    assert_eq!(mask("mask=polygons").await["polygons"][0]["outer"], outer);
    assert!(mask("mask=png").await["data"].as_str().unwrap().starts_with("iVBORw0KGgo"));
    assert!(mask("mask=none").await.is_null());
    assert_eq!(
        mask("mask=rle&map=model").await["runs"],
        serde_json::json!([1, 256]),
        "the fastest mode, at the model's own size"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_is_answered_with_a_picture() {
    let (house, _) = House::modes().await;
    let picture = png(40, 30, 1);
    for (query, accept, magic) in [
        ("", "image/png", &b"\x89PNG"[..]),
        ("", "image/jpeg", b"\xff\xd8\xff"),
        ("?mask=png", "image/png", b"\x89PNG"),
    ] {
        let answer =
            post_with(house.address, &format!("/v1/segment{query}"), &format!("accept: {accept}\r\n"), &picture).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, Some(accept)), "{}", answer.head);
        assert!(answer.body.starts_with(magic));
        assert_eq!(
            (answer.header("x-samovar-model"), answer.header("x-samovar-generation")),
            (Some("seg-fast"), Some("1"))
        );
    }
    let answer = post_with(house.address, "/v1/segment?mask=rle", "accept: image/png\r\n", &picture).await;
    assert_eq!((answer.status, &answer.json()["code"]), (400, &"invalid_option".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_is_refused_with_its_code() {
    let (house, _) = House::modes().await;
    let picture = png(16, 16, 1);
    for (query, status, code) in [
        ("?mode=warp", 400, "unknown_mode"),
        ("?mode=auto", 400, "unknown_mode"),
        ("?mode=fast&model=seg-fast", 400, "invalid_query"),
        ("?mask=gif", 400, "invalid_query"),
        ("?score_min=0.5", 400, "invalid_query"),
        ("?simplify_px=101", 400, "invalid_option"),
        ("?simplify_px=NaN", 400, "invalid_option"),
        ("?deadline_ms=60001", 400, "invalid_option"),
        ("?model=nobody", 404, "model_not_found"),
        ("?model=fake", 400, "wrong_family"),
    ] {
        let answer = post(house.address, &format!("/v1/segment{query}"), &picture).await;
        assert_eq!((answer.status, &answer.json()["code"]), (status, &code.into()), "{query}: {}", answer.text());
    }
    let answer = post(house.address, "/v1/detect?model=seg-fast", &picture).await;
    assert_eq!((answer.status, &answer.json()["code"]), (400, &"wrong_family".into()));
    let only = post(house.address, "/v1/detect", &picture).await;
    assert_eq!((only.status, &only.json()["model"]), (200, &"fake".into()), "modes are no detectors, loaded or not");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_modes_the_only_segmentation_model_serves() {
    let fake = fake_segmenter(2);
    let engine = FakeEngine::new().with("fake.onnx", &fake);
    let house = House::start(options(), Arc::new(engine), vec![spec("street", Path::new("fake.onnx"))], fake).await;
    let json = post(house.address, "/v1/segment", &png(8, 8, 1)).await.json();
    assert_eq!((&json["mode"], &json["model"]), (&"street".into(), &"street".into()), "{json}");
    let refused = post(house.address, "/v1/segment?mode=fast", &png(8, 8, 1)).await.json();
    assert_eq!(refused["code"], "unknown_mode");
    let refused = post(house.address, "/v1/detect", &png(8, 8, 1)).await.json();
    assert_eq!(refused["code"], "model_required", "a segmentation model does not count as a detector: {refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_page_describes_segmentation() {
    let (house, _) = House::modes().await;
    let api = get(house.address, "/openapi.json").await.json();
    for path in ["/v1/segment", "/v1/streams/segment", "/v1/models/clear"] {
        assert!(api["paths"][path].is_object(), "{path} is described");
    }
    for schema in ["SegmentAnswer", "SegmentEventBody", "SegmentControl", "StreamNotice", "ReloadRequest"] {
        assert!(api["components"]["schemas"][schema].is_object(), "{schema} is described");
    }
}
