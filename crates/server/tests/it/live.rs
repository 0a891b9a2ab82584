//! Live streams: order, drops, bad frames, control messages.

use crate::client::post;
use crate::house::{House, options};
use crate::pictures::{bomb, png};
use crate::socket::Socket;
use samovar_engine_api::EngineErrorKind;
use samovar_engines::{FakeFault, Gate};
use samovar_server::{ServerLimits, StreamLimits};

#[tokio::test(flavor = "multi_thread")]
async fn frames_are_answered_in_order() {
    let house = House::fake(ServerLimits::default()).await;
    let mut socket = Socket::ready(house.address, "?model=fake").await;
    for number in 0..50_u64 {
        socket.frame(png(16, 16, number as u8)).await;
        let event = socket.event().await;
        assert_eq!((event["type"].as_str(), event["frame"].as_u64()), (Some("result"), Some(number)), "{event}");
        assert!(event["timings"]["total_ms"].is_number() && event["model"] == "fake");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn newer_frames_take_the_place_of_older_ones_and_every_frame_is_told() {
    let house = House::fake(ServerLimits::default()).await;
    let mut socket = Socket::ready(house.address, "").await;
    let gate = Gate::closed();
    house.fake.hold_runs(&gate);
    for number in 0..20 {
        socket.frame(png(8, 8, number)).await;
    }
    socket.say("{\"type\":\"options\",\"score_min\":0.5}").await;
    let mut told = 0;
    let mut results = Vec::new();
    while told < 20 {
        let event = socket.event().await;
        match event["type"].as_str().unwrap() {
            // Everything was read by now.
            "options" => gate.open(),
            "dropped" => {
                assert_eq!((event["frame"].as_u64(), event["reason"].as_str()), (Some(told), Some("overloaded")));
                told += event["count"].as_u64().unwrap();
            }
            "result" => {
                assert_eq!(event["frame"].as_u64(), Some(told), "in the order of the frames");
                results.push(told);
                told += 1;
            }
            _ => panic!("{event}"),
        }
    }
    assert_eq!(results.last(), Some(&19), "the newest is looked at");
    assert!(results.len() < 20, "and not every one: {results:?}");
    let dropped = house.metric("samovar_dropped_total{model=\"fake\",class=\"live\",reason=\"displaced\"}").await;
    assert_eq!(dropped, (20 - results.len()) as f64);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_frame_costs_itself() {
    let house = House::fake(ServerLimits::default()).await;
    let mut socket = Socket::ready(house.address, "").await;
    let picture = png(16, 16, 1);
    let truncated = picture[..picture.len() / 2].to_vec();
    for (bytes, code) in [
        (Vec::new(), "unsupported_media"),
        (b"not a picture".to_vec(), "unsupported_media"),
        (bomb(), "media_too_large"),
        (truncated, "corrupt_media"),
    ] {
        socket.frame(bytes).await;
        let event = socket.event().await;
        assert_eq!((event["type"].as_str(), event["code"].as_str()), (Some("error"), Some(code)), "{event}");
        assert!(event["detail"].is_string());
    }
    house.fake.fail_every_run(Some(FakeFault::Error(EngineErrorKind::Run)));
    socket.frame(picture.clone()).await;
    assert_eq!(socket.event().await["code"], "internal");
    house.fake.fail_every_run(None);
    socket.frame(picture).await;
    let event = socket.event().await;
    assert_eq!((&event["type"], &event["frame"]), (&"result".into(), &5.into()), "the stream goes on: {event}");
}

#[tokio::test(flavor = "multi_thread")]
async fn control_messages_change_the_options_or_are_refused() {
    let house = House::fake(ServerLimits::default()).await;
    let mut socket = Socket::ready(house.address, "?score_min=0.3").await;
    socket.say(r#"{"type":"options","iou_max":0.5,"classes":["dog",0]}"#).await;
    let event = socket.event().await;
    assert_eq!(event["type"], "options");
    assert_eq!((&event["iou_max"], &event["classes"]), (&0.5.into(), &serde_json::json!([1, 0])));
    assert!((event["score_min"].as_f64().unwrap() - 0.3).abs() < 1e-6, "what is left out stays");
    let deep = "[".repeat(60_000);
    for (text, code) in [
        (r#"{"type":"options","score_min":7}"#, "invalid_option"),
        (r#"{"type":"options","classes":["unicorn"]}"#, "unknown_class"),
        (r#"{"type":"options","scoremin":1}"#, "invalid_control"),
        (r#"{"type":"mode","mode":"fast"}"#, "invalid_control"),
        ("[]", "invalid_control"),
        ("hello \0", "invalid_control"),
        (&*deep, "invalid_control"),
        (&*"x".repeat(65_537), "invalid_control"),
    ] {
        socket.say(text).await;
        let event = socket.event().await;
        assert_eq!((event["type"].as_str(), event["code"].as_str()), (Some("error"), Some(code)), "{event}");
    }
    socket.frame(png(8, 8, 1)).await;
    assert_eq!(socket.event().await["frame"], 0, "the stream goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_before_ready_are_told_as_dropped() {
    let house = House::fake_with(options(), false).await;
    let gate = Gate::closed();
    house.fake.hold_loads(&gate);
    let mut socket = Socket::open(house.address, "").await;
    gate.wait_for(1);
    for number in 0..3 {
        socket.frame(png(8, 8, number)).await;
    }
    for _ in 0..9 {
        socket.say("{}").await;
    }
    assert_eq!(socket.event().await["code"], "invalid_control", "one too many, and by then the frames were read");
    gate.open();
    let ready = socket.event().await;
    assert_eq!((&ready["type"], &ready["warm"]), (&"ready".into(), &false.into()));
    let dropped = socket.event().await;
    assert_eq!((&dropped["count"], &dropped["reason"]), (&3.into(), &"not_ready".into()));
    for _ in 0..8 {
        assert_eq!(socket.event().await["code"], "invalid_control", "those that waited are read now");
    }
    socket.frame(png(8, 8, 3)).await;
    assert_eq!(socket.event().await["frame"], 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_cannot_be_is_told_why_and_closed() {
    let house = House::fake_with(options(), false).await;
    let mut socket = Socket::open(house.address, "?classes=unicorn").await;
    assert_eq!(socket.event().await["code"], "unknown_class");
    assert_eq!(socket.close_code().await, 1008);
    house.registry.unload("fake").await.unwrap();
    house.fake.fail_every_load(Some(FakeFault::Error(EngineErrorKind::Model)));
    let mut socket = Socket::open(house.address, "").await;
    let event = socket.event().await;
    assert_eq!(event["code"], "model_not_ready");
    assert!(event["retry_after_s"].as_u64().unwrap() >= 1);
    assert_eq!(socket.close_code().await, 1013);
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_over_the_limit_are_refused() {
    let stream = StreamLimits { streams_max: 1, ..StreamLimits::default() };
    let house = House::fake(ServerLimits { stream, ..ServerLimits::default() }).await;
    let first = Socket::ready(house.address, "").await;
    let socket = tokio::net::TcpStream::connect(house.address).await.unwrap();
    let url = format!("ws://{}/v1/streams/detect", house.address);
    let refused = tokio_tungstenite::client_async(url, socket).await.unwrap_err();
    assert!(
        matches!(&refused, tokio_tungstenite::tungstenite::Error::Http(answer) if answer.status() == 503),
        "{refused}"
    );
    drop(first);
    house.until("samovar_streams", |open| open == 0.0).await;
    Socket::ready(house.address, "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn swaps_lose_no_frame_and_keep_the_order() {
    let house = House::fake(ServerLimits::default()).await;
    let address = house.address;
    let mut socket = Socket::ready(address, "").await;
    let swaps = tokio::spawn(async move {
        for generation in 2..=6 {
            let answer = post(address, "/v1/models/fake/reload", b"").await.json();
            assert_eq!(answer["serving"]["generation"], generation, "{answer}");
        }
    });
    let mut generation = 1;
    let mut frame = 0;
    while !swaps.is_finished() || generation < 6 {
        socket.frame(png(8, 8, 1)).await;
        let event = socket.event().await;
        assert_eq!((&event["type"], &event["frame"]), (&"result".into(), &frame.into()), "{event}");
        let serving = event["generation"].as_u64().unwrap();
        assert!(serving >= generation, "never back");
        (generation, frame) = (serving, frame + 1);
    }
    swaps.await.unwrap();
    println!("{frame} frames over 5 swaps");
    assert_eq!(house.metric("samovar_swaps_total{model=\"fake\"}").await, 5.0);
    assert_eq!(house.fake.counts().loaded_alive_max, 2, "two copies at most");
}
