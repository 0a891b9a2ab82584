//! Live segmentation over WebSocket: modes, switches, what is left behind.

use crate::client::{get, post};
use crate::house::{House, MODES};
use crate::pictures::png;
use crate::socket::Socket;
use samovar_engine_api::EngineErrorKind;
use samovar_engines::{FakeFault, Gate};
use samovar_server::{ServerLimits, StreamLimits};
use serde_json::{Value, json};
use std::net::SocketAddr;

async fn ready(address: SocketAddr, query: &str) -> (Socket, Value) {
    let mut socket = Socket::open_at(address, &format!("/v1/streams/segment{query}")).await;
    let event = socket.event().await;
    assert_eq!(event["type"], "ready", "{event}");
    (socket, event)
}

/// That the map was made by the model of the mode that the result names.
fn fits(result: &Value) {
    let mode = result["mode"].as_str().unwrap();
    let tier = MODES.iter().position(|name| *name == mode).unwrap();
    assert_eq!(result["model"], format!("seg-{mode}"));
    assert_eq!(result["mask"]["runs"], json!([tier + 1, 20 * 10]));
    assert_eq!(result["areas"][0]["label"], format!("thing {}", tier + 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_is_told_its_modes_and_every_result_names_its_own() {
    let (house, _) = House::modes().await;
    let (mut socket, ready) = ready(house.address, "?mode=balanced").await;
    assert_eq!(
        (&ready["mode"], &ready["model"], &ready["generation"]),
        (&"balanced".into(), &"seg-balanced".into(), &1.into())
    );
    assert_eq!((&ready["auto"], &ready["labels"]), (&false.into(), &json!(["thing 0", "thing 1", "thing 2"])));
    let modes: Vec<_> = ready["modes"].as_array().unwrap().iter().map(|mode| mode["mode"].as_str().unwrap()).collect();
    assert_eq!(modes, MODES);
    assert_eq!((&ready["modes"][1]["state"], &ready["modes"][3]["state"]), (&"ready".into(), &"absent".into()));
    for number in 0..10 {
        socket.frame(png(20, 10, number)).await;
        let event = socket.event().await;
        assert_eq!((&event["type"], &event["frame"]), (&"result".into(), &number.into()), "{event}");
        fits(&event);
        assert!(event["timings"]["inference_ms"].is_number() && event["generation"] == 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn forty_switches_while_frames_flow_lose_and_reorder_none() {
    let (house, models) = House::modes().await;
    let (mut socket, _) = ready(house.address, "").await;
    let (mut mode, mut asked, mut switches, mut frame) = ("fast".to_owned(), 0_usize, 0, 0_u64);
    while switches < 40 {
        if asked == switches && frame.is_multiple_of(3) {
            asked += 1;
            socket.say(&json!({"type": "mode", "mode": MODES[(asked * 7 + asked / 7) % 4]}).to_string()).await;
        }
        socket.frame(png(20, 10, frame as u8)).await;
        loop {
            let event = socket.event().await;
            match event["type"].as_str().unwrap() {
                "mode_changing" => {}
                "mode_changed" => {
                    assert_eq!(event["from"], mode);
                    mode = event["mode"].as_str().unwrap().to_owned();
                    switches += 1;
                }
                "result" => {
                    assert_eq!((event["frame"].as_u64(), event["mode"].as_str()), (Some(frame), Some(&*mode)));
                    fits(&event);
                    break;
                }
                _ => panic!("{event}"),
            }
        }
        frame += 1;
    }
    println!("{frame} frames over {switches} switches");
    assert!(models.iter().all(|model| model.counts().loads == 1), "each was loaded once and stayed");
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_go_on_while_a_mode_loads_and_a_newer_wish_takes_its_place() {
    let (house, models) = House::modes().await;
    let (mut socket, _) = ready(house.address, "?mode=fast").await;
    let gate = Gate::closed();
    models[3].hold_loads(&gate);
    socket.say(r#"{"type":"mode","mode":"sota"}"#).await;
    assert_eq!(socket.event().await, json!({"type": "mode_changing", "mode": "sota", "from": "fast", "auto": false}));
    for frame in 0..5_u8 {
        socket.frame(png(20, 10, frame)).await;
        let event = socket.event().await;
        assert_eq!((&event["frame"], &event["mode"]), (&frame.into(), &"fast".into()), "{event}");
    }
    gate.wait_for(1);
    socket.say(r#"{"type":"mode","mode":"accurate"}"#).await;
    assert_eq!(socket.event().await["mode"], "accurate");
    let changed = socket.event().await;
    assert_eq!(
        (&changed["type"], &changed["mode"], &changed["warm"]),
        (&"mode_changed".into(), &"accurate".into(), &false.into())
    );
    assert_eq!(
        (&changed["model"], &changed["generation"], &changed["labels"][3]),
        (&"seg-accurate".into(), &1.into(), &"thing 3".into())
    );
    gate.open();
    house.until("samovar_model_state{model=\"seg-sota\",state=\"ready\"}", |value| value == 1.0).await;
    socket.frame(png(20, 10, 5)).await;
    let event = socket.event().await;
    assert_eq!(
        (&event["frame"], &event["mode"]),
        (&5.into(), &"accurate".into()),
        "sota is ready and not wanted: {event}"
    );
    socket.say(r#"{"type":"mode","mode":"fast"}"#).await;
    assert_eq!(socket.event().await["type"], "mode_changing");
    assert_eq!(socket.event().await["warm"], true, "the old mode stayed warm");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_done_is_told_and_the_stream_goes_on() {
    let (house, models) = House::modes().await;
    let (mut socket, _) = ready(house.address, "?mode=fast").await;
    models[3].fail_every_load(Some(FakeFault::Error(EngineErrorKind::Model)));
    for (text, code) in [
        (r#"{"type":"mode","mode":"warp"}"#, "unknown_mode"),
        (r#"{"type":"mode"}"#, "invalid_control"),
        (r#"{"type":"options","score_min":0.5}"#, "invalid_control"),
        (r#"{"type":"options","simplify_px":-1}"#, "invalid_option"),
        ("[]", "invalid_control"),
    ] {
        socket.say(text).await;
        let event = socket.event().await;
        assert_eq!((&event["type"], &event["code"]), (&"error".into(), &code.into()), "{text}: {event}");
    }
    socket.say(r#"{"type":"mode","mode":"sota"}"#).await;
    assert_eq!(socket.event().await["type"], "mode_changing");
    let event = socket.event().await;
    assert_eq!(
        (&event["type"], &event["code"], &event["mode"]),
        (&"error".into(), &"model_not_ready".into(), &"sota".into())
    );
    assert!(event["retry_after_s"].as_u64().unwrap() >= 1, "{event}");
    socket.frame(b"no picture".to_vec()).await;
    assert_eq!(socket.event().await["code"], "unsupported_media");
    socket.frame(png(20, 10, 1)).await;
    let event = socket.event().await;
    assert_eq!((&event["frame"], &event["mode"]), (&1.into(), &"fast".into()), "{event}");
}

#[tokio::test(flavor = "multi_thread")]
async fn options_change_the_masks_of_the_frames_that_follow() {
    let (house, _) = House::modes().await;
    let (mut socket, ready) = ready(house.address, "?mask=none&deadline_ms=40").await;
    assert_eq!(ready["options"], json!({"mask": "none", "map": "source", "simplify_px": 1.0, "deadline_ms": 40.0}));
    socket.frame(png(20, 10, 1)).await;
    assert!(socket.event().await["mask"].is_null());
    socket.say(r#"{"type":"options","mask":"polygons","map":"model"}"#).await;
    let options = socket.event().await;
    assert_eq!(
        (&options["type"], &options["mask"], &options["deadline_ms"]),
        (&"options".into(), &"polygons".into(), &40.0.into())
    );
    socket.frame(png(20, 10, 1)).await;
    let event = socket.event().await;
    assert_eq!((&event["width"], &event["mask"]["polygons"][0]["outer"][2]), (&16.into(), &json!([16, 16])), "{event}");
}

#[tokio::test(flavor = "multi_thread")]
async fn auto_begins_with_the_fastest_mode_and_follows_the_deadline() {
    let (house, _) = House::modes().await;
    let (mut socket, ready) = ready(house.address, "?mode=auto&deadline_ms=60000").await;
    assert_eq!((&ready["mode"], &ready["auto"]), (&"fast".into(), &true.into()));
    let mut path = Vec::new();
    for frame in 0_u64.. {
        socket.frame(png(20, 10, 1)).await;
        let mut event = socket.event().await;
        while event["type"] != "result" {
            if event["type"] == "mode_changed" {
                assert_eq!(event["auto"], true);
                path.push(event["mode"].as_str().unwrap().to_owned());
            }
            event = socket.event().await;
        }
        assert_eq!(event["frame"], frame);
        fits(&event);
        match path.len() {
            3 => break,
            _ => assert!(frame < 10_000, "{path:?}"),
        }
    }
    assert_eq!(path, ["balanced", "accurate", "sota"]);
    socket.say(r#"{"type":"mode","mode":"fast"}"#).await;
    let changing = socket.event().await;
    assert_eq!(
        (&changing["mode"], &changing["auto"]),
        (&"fast".into(), &false.into()),
        "a mode that is named ends `auto`"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_during_a_switch_leaves_nothing_behind() {
    let (house, models) = House::modes().await;
    let (mut socket, _) = ready(house.address, "?mode=fast").await;
    let gate = Gate::closed();
    models[3].hold_loads(&gate);
    socket.say(r#"{"type":"mode","mode":"sota"}"#).await;
    assert_eq!(socket.event().await["type"], "mode_changing");
    gate.wait_for(1);
    let held = async |name: &str| get(house.address, &format!("/v1/models/{name}")).await.json()["holds"].clone();
    assert_eq!((held("seg-fast").await, held("seg-sota").await), (1.into(), 1.into()));
    drop(socket);
    house.until("samovar_streams", |open| open == 0.0).await;
    assert_eq!((held("seg-fast").await, held("seg-sota").await), (0.into(), 0.into()));
    gate.open();
    house.until("samovar_model_state{model=\"seg-sota\",state=\"ready\"}", |value| value == 1.0).await;
    let cleared = post(house.address, "/v1/models/clear", b"").await.json();
    assert!(cleared["data"].as_array().unwrap().iter().all(|model| model["state"] == "absent"), "{cleared}");
    assert!(models.iter().all(|model| model.counts().loaded_alive == 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_connection_warms_the_model_and_the_next_nine_skip_it() {
    let (house, _) = House::modes().await;
    let metric = async |name: &str, mode: &str| house.metric(&format!("{name}{{model=\"seg-{mode}\"}}")).await;
    let mut sockets = Vec::new();
    for connection in 0..10 {
        let (socket, ready) = ready(house.address, "?mode=balanced").await;
        assert_eq!(ready["warm"], connection > 0);
        sockets.push(socket);
    }
    let counts =
        async |mode| (metric("samovar_warmup_total", mode).await, metric("samovar_warmup_skipped_total", mode).await);
    assert_eq!(counts("balanced").await, (1.0, 9.0));
    sockets.clear();
    house.until("samovar_streams", |open| open == 0.0).await;
    let (mut socket, _) = ready(house.address, "?mode=balanced").await;
    assert_eq!(counts("balanced").await, (1.0, 10.0), "still warm when all have left");
    socket.say(r#"{"type":"mode","mode":"sota"}"#).await;
    while socket.event().await["type"] != "mode_changed" {}
    assert_eq!(counts("sota").await, (1.0, 0.0), "the switch warms");
    drop(ready(house.address, "?mode=sota").await);
    assert_eq!(counts("sota").await, (1.0, 1.0), "and whoever comes after skips");
    post(house.address, "/v1/models/clear", b"").await;
    drop(ready(house.address, "?mode=sota").await);
    assert_eq!(counts("sota").await, (2.0, 1.0), "cleared, it is warmed again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mask_that_does_not_fit_into_an_event_is_told_and_the_stream_goes_on() {
    let stream = StreamLimits { write_buffer_bytes_max: 4 << 10, ..StreamLimits::default() };
    let limits = ServerLimits { stream, ..ServerLimits::default() };
    let (house, _) = House::modes_with(limits).await;
    let (mut socket, _) = ready(house.address, "?mask=png").await;
    // A PNG of one colour still has a line for every row of pixels.
    socket.frame(png(1_500, 1_500, 1)).await;
    let event = socket.event().await;
    assert_eq!((&event["frame"], &event["code"]), (&0.into(), &"mask_too_large".into()), "{event}");
    assert!(event["cure"].is_string());
    socket.frame(png(20, 10, 1)).await;
    assert_eq!(socket.event().await["type"], "result");
}
