//! Sources of a server: configured and added, changed, removed, waited for, and gone without a trace.

use crate::client::{PATIENCE, get, post, raw};
use crate::house::{House, fake_detector, options, spec};
use crate::sinks_receiver::Receiver;
use crate::street::{empty, ffmpeg, starter, watched};
use samovar_engine_api::EngineErrorKind;
use samovar_engines::{FakeEngine, FakeFault};
use samovar_media::{FfmpegProgram, UrlScheme};
use samovar_pipelines::{AnomalyOptions, SourceAddress, SourceSpec};
use samovar_runtime::ModelSpec;
use samovar_server::{
    AnomalySettings, ServerOptions, SourceAdditions, SourcePipeline, SourceSettings, WebhookSettings,
};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// The street, over and over.
pub(crate) fn street(name: &str) -> SourceSettings {
    let address = SourceAddress::parse(starter("samples/street.mp4").to_str().unwrap()).unwrap();
    SourceSettings::new(SourceSpec { fps_max: Some(10.0), ..SourceSpec::new(name, address) })
}

/// The street on a pose model that is fake.
fn on_fakes(name: &str) -> SourceSettings {
    let anomaly = AnomalySettings {
        pose: Some("pose".to_owned()),
        sequence: Some("movement".to_owned()),
        ..AnomalySettings::default()
    };
    SourceSettings { pipeline: SourcePipeline::Anomaly(anomaly), ..street(name) }
}

/// Clients may add sources of this machine, and the street.
fn additions() -> SourceAdditions {
    SourceAdditions {
        schemes: vec![UrlScheme::Rtsp],
        hosts: vec!["127.0.0.0/8".to_owned()],
        roots: vec![starter("samples")],
    }
}

fn with(program: FfmpegProgram, sources: Vec<SourceSettings>) -> ServerOptions {
    ServerOptions { ffmpeg: Some(program), sources, source_additions: additions(), ..options() }
}

async fn delete(address: SocketAddr, path: &str) -> u16 {
    let head = format!("DELETE {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
    raw(address, head.as_bytes()).await.status
}

async fn add(address: SocketAddr, body: &Value) -> (u16, Value) {
    let answer = post(address, "/v1/sources", body.to_string().as_bytes()).await;
    (answer.status, answer.json())
}

async fn source(house: &House, name: &str) -> Value {
    get(house.address, &format!("/v1/sources/{name}")).await.json()
}

/// Asks again until it is so.
async fn until(house: &House, name: &str, reached: impl Fn(&Value) -> bool) -> Value {
    let asked = async {
        loop {
            let body = source(house, name).await;
            if reached(&body) {
                return body;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    match tokio::time::timeout(PATIENCE, asked).await {
        Ok(body) => body,
        Err(_) => panic!("it stays {}", source(house, name).await),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_street_is_watched_from_the_start_and_its_events_reach_a_webhook_to_the_last() {
    let Some(program) = ffmpeg() else { return };
    let mut receiver = Receiver::start().await;
    let hook = WebhookSettings::new("hook", format!("http://{}/", receiver.address));
    let yard = SourceSettings { sinks: vec!["hook".to_owned()], ..street("yard") };
    let mut house = watched(ServerOptions { webhooks: vec![hook], ..with(program, vec![yard]) }).await;
    let first = receiver.next().await;
    assert_eq!((&first["event"], &first["source"]), (&"person.appeared".into(), &"yard".into()), "{first}");
    let body = until(&house, "yard", |body| body["state"] == "live").await;
    println!("{body}");
    assert_eq!(
        (&body["configured"], &body["address"], &body["kind"]),
        (&true.into(), &"street.mp4".into(), &"file".into())
    );
    assert_eq!((&body["models"], &body["size"]), (&json!(["starter-pose", "starter-stg-nf"]), &json!([640, 360])));
    let stream = body["stream"].as_str().unwrap();
    assert_eq!(first["stream"], *stream);
    let streams = get(house.address, "/v1/streams").await.json();
    assert_eq!((&streams["data"][0]["source"], &streams["data"][0]["id"]), (&"yard".into(), &stream.into()));
    house.until("samovar_source_frames_total{source=\"yard\"}", |frames| frames >= 10.0).await;
    assert_eq!(house.metric("samovar_source_up{source=\"yard\"}").await, 1.0);
    let name = "samovar_source_events_total{source=\"yard\",event=\"person.appeared\"}";
    assert!(house.metric(name).await >= 1.0);

    house.shutdown.drain_now();
    (&mut house.served).await.unwrap();
    let mut events = vec![first];
    events.extend(receiver.rest());
    let count = |kind: &str| events.iter().filter(|event| event["event"] == kind).count();
    println!("{} events, {} appeared, {} left", events.len(), count("person.appeared"), count("person.left"));
    assert_eq!(count("person.appeared"), count("person.left"), "the end of a source is the end of everybody's stay");
    let numbers: Vec<_> = events.iter().map(|event| event["number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>(), "in order, and none is missing");
}

#[tokio::test(flavor = "multi_thread")]
async fn sources_are_added_changed_and_removed_while_the_server_runs() {
    let Some(program) = ffmpeg() else { return };
    let (house, _) = empty(with(program, vec![on_fakes("yard")])).await;
    let address = house.address;
    let file = starter("samples/street.mp4").canonicalize().unwrap();
    let request = json!({"name": "door", "address": file, "fps_max": 5, "weight": 3, "options": {"score_start": 4.5}});
    let (status, body) = add(address, &request).await;
    assert_eq!((status, &body["configured"], &body["weight"]), (201, &false.into(), &3.into()), "{body}");
    assert_eq!(body["options"]["score_start"], 4.5);
    let live = until(&house, "door", |body| body["state"] == "live").await;
    let listed = get(address, "/v1/sources").await.json();
    let names: Vec<_> = listed["data"].as_array().unwrap().iter().map(|body| body["name"].clone()).collect();
    assert_eq!(names, ["door", "yard"]);

    let changed = post(address, "/v1/sources/door/options", br#"{"score_start": 6, "schedule": null}"#).await.json();
    assert_eq!((&changed["options"]["score_start"], &changed["stream"]), (&6.0.into(), &live["stream"]));
    for (body, code) in
        [("{\"score_end\": 9}", "invalid_option"), ("{\"score\": 9}", "invalid_body"), ("[", "invalid_body")]
    {
        let answer = post(address, "/v1/sources/door/options", body.as_bytes()).await;
        assert_eq!((answer.status, &answer.json()["code"]), (400, &code.into()), "{body}");
    }
    let unknown = post(address, "/v1/sources/door/options", b"{\"score\": 9}").await.json();
    assert!(unknown["detail"].as_str().unwrap().contains("score_start, score_end"), "{unknown}");
    let stream = format!("/v1/streams/{}", live["stream"].as_str().unwrap());
    let mut told = get(address, &stream).await.json();
    while told["figures"]["dropped"]["paced"] == 0 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        told = get(address, &stream).await.json();
    }
    let figures = &told["figures"];
    let dropped: u64 = figures["dropped"].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum();
    let done = figures["results"].as_u64().unwrap() + figures["errors"].as_u64().unwrap() + dropped;
    let came = figures["frames"].as_u64().unwrap();
    assert!(done <= came && came <= done + 8, "every frame that came is told of once: {figures}");
    let page = get(address, "/metrics").await.text();
    assert!(page.contains("source=\"yard\"") && !page.contains("source=\"door\""), "nobody can make series");

    assert_eq!(delete(address, "/v1/sources/door").await, 204);
    assert_eq!(get(address, "/v1/sources/door").await.status, 404);
    assert_eq!(delete(address, "/v1/sources/door").await, 404);
    let (status, _) = add(address, &request).await;
    assert_eq!(status, 201, "its name is free again");
    let stream = source(&house, "door").await["stream"].as_str().unwrap().to_owned();
    assert_eq!(
        delete(address, &format!("/v1/streams/{stream}")).await / 100,
        2,
        "whoever ends the stream ends the source"
    );
    let gone = async { while get(address, "/v1/sources/door").await.status != 404 {} };
    tokio::time::timeout(PATIENCE, gone).await.expect("it goes");
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_are_looked_for_where_a_source_asks_for_them() {
    let Some(program) = ffmpeg() else { return };
    let (house, _) = empty(with(program, Vec::new())).await;
    let file = starter("samples/street.mp4").canonicalize().unwrap();
    let (status, body) = add(
        house.address,
        &json!({"name": "gate", "address": file, "pipeline": "detect",
        "model": "fake", "options": {"score_min": 0.5, "classes": ["cat"]}}),
    )
    .await;
    assert_eq!((status, &body["options"]["classes"]), (201, &json!([0])), "{body}");
    let live = until(&house, "gate", |body| body["figures"]["delivered"].as_u64() > Some(5)).await;
    assert_eq!(live["models"], json!(["fake"]));
    let stream = live["stream"].as_str().unwrap();
    let figures = get(house.address, &format!("/v1/streams/{stream}")).await.json();
    assert!(figures["figures"]["results"].as_u64() > Some(0), "{figures}");
    let changed = post(house.address, "/v1/sources/gate/options", br#"{"score_min": 0.75}"#).await.json();
    assert_eq!((&changed["options"]["score_min"], &changed["options"]["classes"]), (&0.75.into(), &json!([0])));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_clients_may_not_add_is_refused_by_its_code_and_names_nothing() {
    let Some(program) = ffmpeg() else { return };
    let webhooks = vec![WebhookSettings::new("hook", "http://127.0.0.1:9/")];
    let (house, _) = empty(ServerOptions { webhooks, ..with(program.clone(), vec![on_fakes("yard")]) }).await;
    for (body, status, code) in [
        (json!({"name": "a", "address": "rtsp://10.0.0.1/x"}), 403, "source_not_allowed"),
        (json!({"name": "a", "address": "rtsp://localhost/x"}), 403, "source_not_allowed"),
        (json!({"name": "a", "address": "http://127.0.0.1/x"}), 403, "source_not_allowed"),
        (json!({"name": "a", "address": "/etc/passwd"}), 403, "source_not_allowed"),
        (json!({"name": "a", "address": "/dev/video0"}), 403, "source_not_allowed"),
        (json!({"name": "a", "address": "concat:/etc/passwd"}), 403, "source_not_allowed"),
        (json!({"name": "a", "address": "gopher://127.0.0.1/"}), 400, "invalid_option"),
        (json!({"name": "a", "address": ""}), 400, "invalid_option"),
        (json!({"name": "../a", "address": "rtsp://127.0.0.1:9/x"}), 400, "invalid_option"),
        (json!({"name": "a+b", "address": "rtsp://127.0.0.1:9/x"}), 400, "invalid_option"),
        (json!({"name": "yard", "address": "rtsp://127.0.0.1:9/x"}), 409, "source_exists"),
        (json!({"name": "a", "address": "rtsp://127.0.0.1:9/x", "sinks": ["nobody"]}), 400, "invalid_option"),
        (json!({"name": "a", "address": "rtsp://127.0.0.1:9/x", "sinks": ["hook", "hook"]}), 400, "invalid_option"),
        (json!({"name": "a", "address": "rtsp://127.0.0.1:9/x", "pose": "nobody"}), 404, "model_not_found"),
        (
            json!({"name": "a", "address": "rtsp://127.0.0.1:9/x", "pipeline": "detect", "model": "nobody"}),
            404,
            "model_not_found",
        ),
        (json!({"name": "a", "address": "rtsp://127.0.0.1:9/x", "pose": "x".repeat(65_536)}), 400, "invalid_body"),
        (json!({"name": "a", "address": "rtsp://127.0.0.1:9/x", "weight": 0}), 400, "invalid_option"),
        (json!({"name": "a", "address": "rtsp://127.0.0.1:9/x", "fps_max": 0}), 400, "invalid_option"),
        (json!({"name": "a", "address": "rtsp://127.0.0.1:9/x", "model": "fake"}), 400, "invalid_body"),
        (json!({"name": "a", "address": "rtsp://127.0.0.1:9/x", "surprise": 1}), 400, "invalid_body"),
        (json!({"name": "a"}), 400, "invalid_body"),
    ] {
        let (answered, answer) = add(house.address, &body).await;
        assert_eq!((answered, &answer["code"]), (status, &code.into()), "{body}: {answer}");
        assert!(!answer.to_string().contains("passwd") && !answer.to_string().contains("10.0.0"), "{answer}");
    }
    assert_eq!(get(house.address, "/v1/sources").await.json()["data"].as_array().unwrap().len(), 1);

    let (closed, _) =
        empty(ServerOptions { source_additions: SourceAdditions::default(), ..with(program, Vec::new()) }).await;
    let (status, answer) = add(closed.address, &json!({"name": "a", "address": "rtsp://127.0.0.1:9/x"})).await;
    assert_eq!((status, &answer["code"]), (403, &"source_not_allowed".into()), "off unless the operator says so");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_camera_is_known_by_is_shown_and_its_password_is_not() {
    let Some(program) = ffmpeg() else { return };
    let (house, _) = empty(with(program, Vec::new())).await;
    let request = json!({"name": "cam", "address": "rtsp://admin:hunter2@127.0.0.1:9/live?token=hunter3"});
    let (status, body) = add(house.address, &request).await;
    assert_eq!((status, &body["kind"]), (201, &"rtsp".into()), "{body}");
    let waiting = until(&house, "cam", |body| body["state"] == "waiting").await;
    println!("{waiting}");
    assert_eq!(waiting["reason"], "source_unreachable");
    assert!(waiting["retry_in_ms"].is_number() && waiting["detail"].is_string());
    let path = format!("/v1/streams/{}", waiting["stream"].as_str().unwrap());
    // The board is told a moment after the source knows.
    let told = tokio::time::timeout(PATIENCE, async {
        while get(house.address, &path).await.json()["reason"] != "source_unreachable" {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    told.await.expect("the board says why, too");
    assert_eq!(get(house.address, &path).await.json()["state"], "waiting");
    for path in ["/v1/sources", "/v1/sources/cam", "/v1/streams", "/metrics"] {
        let text = get(house.address, path).await.text();
        assert!(!text.contains("hunter") && !text.contains("admin"), "{path}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_waits_for_a_model_that_cannot_be_had_and_begins_when_it_can() {
    let Some(program) = ffmpeg() else { return };
    let fake = fake_detector();
    fake.fail_every_load(Some(FakeFault::Error(EngineErrorKind::Model)));
    let engine = FakeEngine::new().with("fake.onnx", &fake);
    let detect = SourcePipeline::Detect { model: Some("fake".to_owned()), options: Default::default() };
    let gate = SourceSettings { pipeline: detect, ..street("gate") };
    let specs = vec![ModelSpec { preload: false, ..spec("fake", Path::new("fake.onnx")) }];
    let house = House::start(with(program, vec![gate]), Arc::new(engine), specs, fake.clone()).await;
    let waiting = until(&house, "gate", |body| body["reason"] == "model_not_ready").await;
    assert_eq!(waiting["state"], "waiting_for_models", "{waiting}");
    house.until("samovar_source_dropped_total{source=\"gate\",reason=\"not_ready\"}", |count| count >= 1.0).await;
    fake.fail_every_load(None);
    let live = until(&house, "gate", |body| body["state"] == "live").await;
    assert_eq!(live["models"], json!(["fake"]));
    house.until("samovar_source_frames_total{source=\"gate\"}", |frames| frames >= 1.0).await;
}

fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").unwrap().count()
}

/// Decoders of this process, dead ones that nobody has looked after included.
fn children() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let of = |task: std::path::PathBuf| std::fs::read_to_string(task.join("children")).unwrap_or_default();
    tasks.map(|task| of(task.unwrap().path()).split_whitespace().count()).sum()
}

fn files() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_sources_come_and_go_and_leave_nothing() {
    let Some(program) = ffmpeg() else { return };
    let (house, _) = empty(with(program, Vec::new())).await;
    let round = async |number: usize| {
        let request = json!({"name": format!("cam-{number}"), "address": "rtsp://127.0.0.1:9/live"});
        let (status, body) = add(house.address, &request).await;
        assert_eq!(status, 201, "{body}");
        assert_eq!(delete(house.address, &format!("/v1/sources/cam-{number}")).await, 204);
    };
    for number in 0..20 {
        round(number).await;
    }
    let before = (threads(), files());
    let file = starter("samples/street.mp4").canonicalize().unwrap();
    for number in 20..1_000 {
        // Some of them have come as far as a child that decodes.
        if number % 40 == 0 {
            assert_eq!(add(house.address, &json!({"name": "street", "address": file})).await.0, 201);
            until(&house, "street", |body| body["figures"]["delivered"].as_u64() > Some(0)).await;
            assert_eq!(delete(house.address, "/v1/sources/street").await, 204);
        }
        round(number).await;
    }
    assert_eq!(children(), 0, "no child is left");
    let after = (threads(), files());
    println!("threads and files before {before:?}, after {after:?}");
    assert_eq!(get(house.address, "/v1/sources").await.json()["data"], json!([]));
    assert_eq!(get(house.address, "/v1/streams").await.json()["data"], json!([]));
    // Threads of the runtime that may wait come and go.
    assert!(after.0 <= before.0 + 4 && after.1 <= before.1 + 4, "{before:?} {after:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn there_are_as_many_as_may_be_and_no_more() {
    let Some(program) = ffmpeg() else { return };
    let mut options = with(program, vec![on_fakes("yard")]);
    options.limits.sources_max = 2;
    let (house, _) = empty(options).await;
    let request = |name: &str| json!({"name": name, "address": "rtsp://127.0.0.1:9/live"});
    assert_eq!(add(house.address, &request("second")).await.0, 201);
    let (status, answer) = add(house.address, &request("third")).await;
    assert_eq!((status, &answer["code"]), (503, &"too_many_sources".into()), "{answer}");
    assert_eq!(delete(house.address, "/v1/sources/second").await, 204);
    assert_eq!(add(house.address, &request("third")).await.0, 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_that_cannot_be_is_refused_by_the_name_of_the_source() {
    use samovar_runtime::{Registry, RegistryOptions};
    use samovar_server::{Metrics, Server};
    let Some(program) = ffmpeg() else { return };
    let refused = |given: ServerOptions| {
        let registry = Registry::start(RegistryOptions::new(vec![Arc::new(FakeEngine::new())]), Vec::new()).unwrap();
        let error = Server::bind(given, Arc::new(registry), Arc::new(Metrics::new())).err().expect("it is refused");
        (error.code(), error.to_string())
    };
    let mut bad_options = street("yard");
    let wrong = AnomalyOptions { score_end: 9.0, ..AnomalyOptions::default() };
    bad_options.pipeline = SourcePipeline::Anomaly(AnomalySettings { options: wrong, ..AnomalySettings::default() });
    for (sources, word) in [
        (vec![street("../yard")], "name"),
        (vec![street("yard"), street("yard")], "of this name"),
        (vec![SourceSettings { sinks: vec!["hook".to_owned()], ..street("yard") }], "sink"),
        (vec![bad_options], "score_end"),
    ] {
        let (code, text) = refused(with(program.clone(), sources));
        assert_eq!(code, "sources_invalid");
        assert!(text.contains(word), "{text}");
    }
    let (code, text) = refused(ServerOptions { ffmpeg: None, ..with(program, vec![street("yard")]) });
    assert!(code == "sources_invalid" && text.contains("ffmpeg"), "{text}");
}
