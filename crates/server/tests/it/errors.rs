//! Every error has a status, a stable code and a sentence, and tells no path.

use crate::client::{Answer, get, post, post_with, raw};
use crate::house::{House, options};
use crate::pictures::{bomb, png};
use samovar_engine_api::EngineErrorKind;
use samovar_engines::{FakeFault, Gate};
use samovar_server::{ServerLimits, ServerOptions};
use std::time::Duration;

fn check(answer: &Answer, status: u16, code: &str) {
    let json = answer.json();
    assert_eq!((answer.status, json["code"].as_str()), (status, Some(code)), "{json}");
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    assert_eq!(
        (json["status"].as_u64(), json["type"].as_str()),
        (Some(status.into()), Some(&*format!("urn:samovar:problem:{code}")))
    );
    assert!(json["title"].is_string() && json["detail"].as_str().is_some_and(|detail| detail.len() > 10), "{json}");
    assert!(!answer.text().contains(".onnx") && !answer.text().contains(".rs"), "{json}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_has_its_code() {
    let house = House::fake(ServerLimits::default()).await;
    let address = house.address;
    let picture = png(16, 16, 1);
    let truncated = &picture[..picture.len() / 2];
    check(&get(address, "/nothing").await, 404, "not_found");
    check(&get(address, "/v1/detect").await, 405, "method_not_allowed");
    check(&get(address, "/v1/streams/detect").await, 426, "upgrade_required");
    for (query, status, code) in [
        ("?model=nobody", 404, "model_not_found"),
        ("?model=../../etc/passwd", 404, "model_not_found"),
        ("?scoremin=1", 400, "invalid_query"),
        ("?score_min=high", 400, "invalid_query"),
        ("?score_min=2", 400, "invalid_option"),
        ("?score_min=NaN", 400, "invalid_option"),
        ("?detections_max=0", 400, "invalid_option"),
        ("?classes=unicorn", 400, "unknown_class"),
        ("?classes=99", 400, "unknown_class"),
    ] {
        check(&post(address, &format!("/v1/detect{query}"), &picture).await, status, code);
    }
    for (body, status, code) in [
        (&b""[..], 400, "invalid_body"),
        (b"hello, I am a picture", 415, "unsupported_media"),
        (b"GIF89a\x01\x00\x01\x00\x00\x00\x00;", 415, "unsupported_media"),
        (&bomb(), 413, "media_too_large"),
        (truncated, 422, "corrupt_media"),
    ] {
        check(&post(address, "/v1/detect", body).await, status, code);
    }
    let form = "content-type: multipart/form-data; boundary=b\r\n";
    check(&post_with(address, "/v1/detect", form, b"--b--\r\n").await, 400, "invalid_body");
    check(&post_with(address, "/v1/detect", "content-type: multipart/form-data\r\n", b"x").await, 400, "invalid_body");
    assert_eq!(post(address, "/v1/detect", &picture).await.status, 200, "the next request is right");
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_are_paths_are_nobody() {
    let house = House::fake(ServerLimits::default()).await;
    for name in
        ["..%2f..%2fetc", "%2e%2e", "a%00b", "fake%2e", "%5c%5chost", "f%C3%A4ke", "fake%20", "-x", "%F0%9F%94%A5"]
    {
        check(&get(house.address, &format!("/v1/models/{name}")).await, 404, "model_not_found");
    }
    assert_eq!(get(house.address, "/v1/models/fake").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_fails_is_not_ready_with_a_time() {
    let house = House::fake_with(options(), false).await;
    house.fake.fail_every_load(Some(FakeFault::Error(EngineErrorKind::Model)));
    let answer = post(house.address, "/v1/detect", &png(8, 8, 1)).await;
    check(&answer, 503, "model_not_ready");
    assert!(answer.header("retry-after").unwrap().parse::<u64>().unwrap() >= 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_in_a_run_is_internal_and_costs_one_request() {
    let house = House::fake(ServerLimits::default()).await;
    for fault in [FakeFault::Panic, FakeFault::Error(EngineErrorKind::Run)] {
        house.fake.fail_every_run(Some(fault));
        check(&post(house.address, "/v1/detect", &png(8, 8, 1)).await, 500, "internal");
        house.fake.fail_every_run(None);
        assert_eq!(post(house.address, "/v1/detect", &png(8, 8, 1)).await.status, 200);
    }
    assert_eq!(house.metric("samovar_panics_total").await, 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadline_holds_in_the_queue_and_in_a_run() {
    let house = House::fake(ServerLimits::default()).await;
    let gate = Gate::closed();
    house.fake.hold_runs(&gate);
    let runs = house.fake.counts().runs;
    for _ in 0..3 {
        check(&post(house.address, "/v1/detect?timeout_ms=50", &png(8, 8, 1)).await, 504, "deadline_exceeded");
    }
    gate.open();
    assert_eq!(post(house.address, "/v1/detect", &png(8, 8, 1)).await.status, 200);
    assert_eq!(house.fake.counts().runs, runs + 3, "two were running, the third was never started, the last ran");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_goes_takes_its_work_along() {
    let house = House::fake(ServerLimits::default()).await;
    let gate = Gate::closed();
    house.fake.hold_runs(&gate);
    let runs = house.fake.counts().runs;
    let address = house.address;
    let busy: Vec<_> =
        (0..2).map(|seed| tokio::spawn(async move { post(address, "/v1/detect", &png(8, 8, seed)).await })).collect();
    gate.wait_for(2);
    let gone = tokio::spawn(async move { post(address, "/v1/detect", &png(8, 8, 9)).await });
    house_waits(&house, 1).await;
    gone.abort();
    house
        .until("samovar_dropped_total{model=\"fake\",class=\"interactive\",reason=\"cancelled\"}", |count| count == 1.0)
        .await;
    gate.open();
    for answer in busy {
        assert_eq!(answer.await.unwrap().status, 200);
    }
    assert_eq!(house.fake.counts().runs, runs + 2);
}

async fn house_waits(house: &House, count: usize) {
    while house.registry.device_stats().waiting.iter().sum::<usize>() < count {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_over_the_limit_is_refused_declared_or_not() {
    let limits = ServerLimits { body_bytes_max: 64 << 10, ..ServerLimits::default() };
    let house = House::fake_with(ServerOptions { limits, ..options() }, true).await;
    let large = vec![0; (64 << 10) + 1];
    check(&post(house.address, "/v1/detect", &large).await, 413, "body_too_large");
    let mut chunked =
        b"POST /v1/detect HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n10001\r\n"
            .to_vec();
    chunked.extend_from_slice(&large);
    chunked.extend_from_slice(b"\r\n0\r\n\r\n");
    check(&raw(house.address, &chunked).await, 413, "body_too_large");
    let form = "content-type: multipart/form-data; boundary=b\r\ntransfer-encoding: chunked\r\n";
    let field = [&b"--b\r\ncontent-disposition: form-data; name=\"file\"\r\n\r\n"[..], &large].concat();
    let head = format!("POST /v1/detect HTTP/1.1\r\nhost: a\r\n{form}connection: close\r\n\r\n{:x}\r\n", field.len());
    check(&raw(house.address, &[head.as_bytes(), &field, b"\r\n0\r\n\r\n"].concat()).await, 413, "body_too_large");
}
