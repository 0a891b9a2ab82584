//! Evidence: what is kept of an anomaly on the street, given out, bounded, and never in anybody's way.

use crate::client::{Answer, PATIENCE, get, raw};
use crate::house::{House, options};
use crate::sinks_receiver::Receiver;
use crate::socket::Socket;
use crate::sources::street;
use crate::street::{empty, ffmpeg, pictures, watched};
use samovar_media::{
    FfmpegProgram, FramePool, ImageLimits, Picture, VideoDecoder, VideoInput, VideoLimits, VideoOptions,
};
use samovar_pipelines::AnomalyOptions;
use samovar_server::{
    AnomalySettings, EvidenceSettings, ServerOptions, SourcePipeline, SourceSettings, WebhookSettings,
};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

/// Everybody who moves is unusual: what is kept is at stake here, not who.
fn watchful(name: &str) -> SourceSettings {
    let options = AnomalyOptions {
        score_start: -50.0,
        score_end: -60.0,
        duration_min: Duration::ZERO,
        missing_frames_max: 12,
        ..AnomalyOptions::default()
    };
    let anomaly = AnomalySettings { options, ..AnomalySettings::default() };
    let sinks = vec!["hook".to_owned()];
    SourceSettings { pipeline: SourcePipeline::Anomaly(anomaly), sinks, evidence: true, ..street(name) }
}

fn with(program: FfmpegProgram, evidence: EvidenceSettings, receiver: &Receiver) -> ServerOptions {
    let hook = WebhookSettings::new("hook", format!("http://{}/", receiver.address));
    ServerOptions {
        ffmpeg: Some(program),
        sources: vec![watchful("yard")],
        webhooks: vec![hook],
        evidence: Some(evidence),
        ..options()
    }
}

async fn started(receiver: &mut Receiver) -> Value {
    loop {
        let event = receiver.next().await;
        if event["event"] == "anomaly.started" {
            return event;
        }
    }
}

/// Asks until it is there.
async fn there(address: SocketAddr, path: &str) -> Answer {
    let asked = async {
        loop {
            let answer = get(address, path).await;
            if answer.status == 200 {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, asked).await.unwrap_or_else(|_| panic!("{path} does not come"))
}

async fn delete(address: SocketAddr, path: &str) -> u16 {
    let head = format!("DELETE {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
    raw(address, head.as_bytes()).await.status
}

/// Times of a clip's pictures, in order.
fn times(program: FfmpegProgram, clip: &[u8]) -> Vec<Duration> {
    let input = VideoInput::Bytes(clip.to_vec().into());
    let options = VideoOptions::new(program);
    let mut decoder = VideoDecoder::open(input, options, &VideoLimits::default(), FramePool::new(4)).unwrap();
    std::iter::from_fn(|| decoder.next_frame().unwrap().map(|frame| frame.timestamp())).collect()
}

/// What people may want to look at.
fn show(name: &str, bytes: &[u8]) {
    if let Some(folder) = std::env::var_os("SAMOVAR_TEST_SHOW") {
        std::fs::write(Path::new(&folder).join(name), bytes).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_anomaly_leaves_a_picture_with_the_person_marked_and_a_clip_around_it() {
    let Some(program) = ffmpeg() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (before, after) = (Duration::from_secs(2), Duration::from_secs(2));
    let settings = EvidenceSettings { before, after, ..EvidenceSettings::new(folder.path().join("evidence")) };
    let mut receiver = Receiver::start().await;
    let house = watched(with(program.clone(), settings, &receiver)).await;
    let event = started(&mut receiver).await;
    println!("{event}");
    let links = &event["evidence"];
    let (snapshot, clip) = (links["snapshot"].as_str().unwrap(), links["clip"].as_str().unwrap());
    let picture = there(house.address, snapshot).await;
    assert_eq!(picture.header("content-type"), Some("image/jpeg"));
    show("snapshot.jpg", &picture.body);
    let decoded = Picture::encoded(picture.body.into(), ImageLimits::default()).unwrap();
    let frame = decoded.frame(&FramePool::new(0)).unwrap();
    assert_eq!((frame.width(), frame.height()), (640, 360));
    let red = red_share(frame.pixels(), 640, &event["person"]["box"]);
    println!("share of red on the outline of the box: {red:.2}");
    assert!(red > 0.6, "the box is drawn where the event has the person");

    let film = there(house.address, clip).await;
    assert_eq!(film.header("content-type"), Some("video/mp4"));
    show("clip.mp4", &film.body);
    let times = times(program, &film.body);
    let length = times[times.len() - 1] - times[0];
    println!("clip: {} pictures over {length:?}, {} bytes", times.len(), film.body.len());
    assert!(times.is_sorted_by(|a, b| a < b) && times.len() > 12);
    // As long as the source was there before, and the whole time after.
    assert!(length >= after && length < before + after + Duration::from_secs(8), "{length:?}");

    let range =
        format!("GET {clip} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\nrange: bytes=4-7\r\n\r\n", house.address);
    let part = raw(house.address, range.as_bytes()).await;
    assert_eq!((part.status, part.body), (206, b"ftyp".to_vec()));

    let id = snapshot.split('/').nth(3).unwrap();
    let body = get(house.address, &format!("/v1/evidence/{id}")).await.json();
    assert_eq!((&body["event"], &body["clip"], &body["source"]), (&event, &clip.into(), &"yard".into()));
    assert!(body["bytes"].as_u64() > Some(film.body.len() as u64));
    let until = body["time_unix_ms"].as_u64().unwrap() + 1;
    let listed = get(house.address, &format!("/v1/evidence?source=yard&until_ms={until}")).await.json();
    let listed = listed["data"].as_array().unwrap();
    assert!(listed.iter().any(|piece| piece["id"] == id), "{listed:?}");
    assert_eq!(delete(house.address, &format!("/v1/evidence/{id}")).await, 204);
    assert_eq!((get(house.address, snapshot).await.status, get(house.address, clip).await.status), (404, 404));
    let left = std::fs::read_dir(folder.path().join("evidence")).unwrap();
    let names: Vec<_> = left.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert!(names.iter().all(|name| !name.starts_with(id)), "{names:?}");
}

/// How much of the outline of `[x1, y1, x2, y2]` is red.
fn red_share(pixels: &[u8], width: usize, outline: &Value) -> f64 {
    let side = |index: usize, max: usize| (outline[index].as_f64().unwrap().round().max(0.0) as usize).min(max);
    let (left, top, right, bottom) = (side(0, width - 1), side(1, 359), side(2, width - 1), side(3, 359));
    let red = |x: usize, y: usize| {
        let pixel = &pixels[3 * (y * width + x)..][..3];
        pixel[0] > 150 && pixel[1] < 110 && pixel[2] < 110
    };
    let sides = (top..bottom).flat_map(|y| [(left, y), (right.saturating_sub(1), y)]);
    let outline: Vec<_> = sides.chain((left..right).map(|x| (x, bottom - 1))).collect();
    outline.iter().filter(|(x, y)| red(*x, *y)).count() as f64 / outline.len() as f64
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_asks_for_it_has_its_anomalies_kept_with_a_clip_of_its_own_pictures() {
    let Some(program) = ffmpeg() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (before, after) = (Duration::from_secs(2), Duration::from_millis(500));
    let settings = EvidenceSettings { before, after, ..EvidenceSettings::new(folder.path()) };
    let given = ServerOptions { ffmpeg: Some(program.clone()), evidence: Some(settings), ..options() };
    let house = watched(given).await;
    let query = "?evidence=true&score_start=-50&score_end=-60&duration_min_ms=0";
    let mut socket = Socket::open_at(house.address, &format!("/v1/streams/anomaly{query}")).await;
    assert_eq!(socket.event().await["type"], "ready");
    let mut kept = None;
    for picture in pictures(program.clone(), 60) {
        socket.frame(picture).await;
        while let message = socket.event().await
            && message["type"] == "event"
        {
            if message["event"] == "anomaly.started" {
                kept.get_or_insert(message);
            }
        }
    }
    let event = kept.expect("everybody is unusual");
    let clip = event["evidence"]["clip"].as_str().unwrap();
    assert_eq!(there(house.address, event["evidence"]["snapshot"].as_str().unwrap()).await.status, 200);
    let film = there(house.address, clip).await;
    show("pictures.mp4", &film.body);
    let times = times(program, &film.body);
    println!("clip of pictures: {} over {:?}", times.len(), times.last());
    assert!(times.len() >= 10 && times.is_sorted_by(|a, b| a < b));
    let body = get(house.address, "/v1/evidence").await.json();
    assert_eq!((&body["data"][0]["source"], &body["data"][0]["stream"]), (&Value::Null, &event["stream"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_over_the_limits_goes_and_a_start_finds_what_was_kept() {
    let Some(program) = ffmpeg() else { return };
    let folder = tempfile::tempdir().unwrap();
    let settings = EvidenceSettings { clips: false, count_max: 2, ..EvidenceSettings::new(folder.path()) };
    let mut receiver = Receiver::start().await;
    let mut house = watched(with(program.clone(), settings.clone(), &receiver)).await;
    let mut last = Value::Null;
    for _ in 0..4 {
        last = started(&mut receiver).await;
    }
    assert!(last["evidence"]["clip"].is_null(), "{last}");
    house.until("samovar_evidence_removed_total", |count| count >= 2.0).await;
    assert_eq!(house.metric("samovar_evidence_held").await, 2.0);
    house.shutdown.drain_now();
    (&mut house.served).await.unwrap();
    let files = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(files, 4, "a picture and a sidecar each");

    let again = ServerOptions { sources: Vec::new(), ..with(program.clone(), settings.clone(), &receiver) };
    let (house, _) = empty(again.clone()).await;
    let kept = get(house.address, "/v1/evidence").await.json();
    assert_eq!(kept["data"].as_array().unwrap().len(), 2);
    let snapshot = kept["data"][0]["snapshot"].as_str().unwrap();
    assert_eq!(get(house.address, snapshot).await.status, 200);
    let limits = EvidenceSettings { bytes_max: 1, ..settings };
    let (house, _) = empty(ServerOptions { evidence: Some(limits), ..again }).await;
    assert_eq!(get(house.address, "/v1/evidence").await.json()["data"], json!([]), "checked at the start too");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_can_no_longer_be_written_costs_evidence_and_no_event() {
    let Some(program) = ffmpeg() else { return };
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("evidence");
    let mut receiver = Receiver::start().await;
    let house = watched(with(program, EvidenceSettings::new(&folder), &receiver)).await;
    // Not even root can write into a folder that is none.
    std::fs::remove_dir_all(&folder).unwrap();
    std::fs::write(&folder, b"").unwrap();
    let event = started(&mut receiver).await;
    assert_eq!(event["source"], "yard");
    house.until("samovar_evidence_lost_total{reason=\"disk\"}", |count| count >= 1.0).await;
    let frames = house.metric("samovar_source_frames_total{source=\"yard\"}").await;
    house.until("samovar_source_frames_total{source=\"yard\"}", |count| count > frames + 5.0).await;
    assert_eq!(get(house.address, event["evidence"]["snapshot"].as_str().unwrap()).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_are_none_are_nobodys_and_nothing_is_kept_unless_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("secret.jpg"), b"secret").unwrap();
    let evidence = Some(EvidenceSettings::new(folder.path().join("kept")));
    let (house, _) = empty(ServerOptions { evidence, ..options() }).await;
    for id in [
        "..",
        "%2e%2e",
        "..%2fsecret",
        "secret",
        "0",
        &"A".repeat(32),
        &"0".repeat(32),
        "%00",
        "%ff",
        "x%2f..%2f..%2fsecret",
    ] {
        for part in ["", "/snapshot.jpg", "/clip.mp4"] {
            let answer = get(house.address, &format!("/v1/evidence/{id}{part}")).await;
            assert_eq!(answer.status, 404, "{id}{part}");
            assert!(!answer.text().contains("secret"));
        }
        assert_eq!(delete(house.address, &format!("/v1/evidence/{id}")).await, 404, "{id}");
    }
    for query in ["limit=0", "limit=1001"] {
        assert_eq!(get(house.address, &format!("/v1/evidence?{query}")).await.json()["code"], "invalid_option");
    }
    assert_eq!(get(house.address, "/v1/evidence?since=now").await.json()["code"], "invalid_query");
    let (house, _) = empty(options()).await;
    let answer = get(house.address, "/v1/evidence").await;
    assert_eq!((answer.status, &answer.json()["code"]), (404, &"unknown_evidence".into()));
    let unusable = EvidenceSettings::new("/dev/null/evidence");
    let error = samovar_error(ServerOptions { evidence: Some(unusable), ..options() });
    assert_eq!(error, "evidence_unusable");
    drop::<House>(house);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_server_at_the_same_address_leaves_the_folder_of_the_first_alone() {
    let folder = tempfile::tempdir().unwrap();
    let settings = EvidenceSettings::new(folder.path());
    let (house, _) = empty(ServerOptions { evidence: Some(settings.clone()), ..options() }).await;
    let draft = folder.path().join(format!("{}.mp4.part", "a".repeat(32)));
    std::fs::write(&draft, b"half").unwrap();
    let second = ServerOptions { address: house.address, evidence: Some(settings), ..options() };
    assert_eq!(samovar_error(second), "port_taken");
    assert!(draft.is_file(), "the first server is writing it");
}

fn samovar_error(given: ServerOptions) -> &'static str {
    use samovar_engines::FakeEngine;
    use samovar_runtime::{Registry, RegistryOptions};
    let engine = std::sync::Arc::new(FakeEngine::new());
    let registry = Registry::start(RegistryOptions::new(vec![engine]), Vec::new()).unwrap();
    let metrics = std::sync::Arc::new(samovar_server::Metrics::new());
    samovar_server::Server::bind(given, std::sync::Arc::new(registry), metrics).err().expect("it is refused").code()
}
