//! Live anomaly streams: who is where, what happens, and what may be changed.

use crate::client::{delete, get};
use crate::feed::Feed;
use crate::house::{House, options};
use crate::pictures::png;
use crate::socket::Socket;
use crate::street::{empty, ffmpeg, pictures, starter, watched};
use samovar_engines::Gate;
use samovar_media::FfmpegProgram;
use samovar_server::ServerOptions;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::net::SocketAddr;

async fn ready(address: SocketAddr, query: &str) -> (Socket, Value) {
    let mut socket = Socket::open_at(address, &format!("/v1/streams/anomaly{query}")).await;
    let ready = socket.event().await;
    assert_eq!(ready["type"], "ready", "{ready}");
    (socket, ready)
}

/// The result of a picture, and the events that came before it: those about the picture before. An engine without its optimisations may
/// be so busy that a frame is dropped; then it is shown again.
async fn look(socket: &mut Socket, picture: &[u8]) -> (Value, Vec<Value>) {
    socket.frame(picture.to_vec()).await;
    let mut events = Vec::new();
    loop {
        let message = socket.event().await;
        match message["type"].as_str() {
            Some("event") => events.push(message),
            Some("result") => return (message, events),
            Some("dropped") => socket.frame(picture.to_vec()).await,
            _ => panic!("{message}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_followed_with_their_skeletons_and_readers_get_the_same_events() {
    let Some(program) = ffmpeg() else { return };
    let house = watched(options()).await;
    let (mut socket, ready) = ready(house.address, "").await;
    let models: Vec<_> =
        ready["models"].as_array().unwrap().iter().map(|model| model["family"].as_str().unwrap()).collect();
    assert_eq!(models, ["yolo-pose", "stg-nf"], "{ready}");
    assert_eq!((&ready["warm"], &ready["keypoint_names"][16]), (&true.into(), &"right_ankle".into()));
    let id = ready["stream"].as_str().unwrap();
    let mut reader = Feed::open(house.address, &format!("/v1/streams/{id}/events")).await;
    let mut everywhere = Feed::open(house.address, "/v1/events?kind=anomaly").await;

    let (mut events, mut seen, mut scored) = (Vec::new(), HashMap::<u64, usize>::new(), 0);
    let mut frame = None;
    for picture in &pictures(program, 60) {
        let (result, told) = look(&mut socket, picture).await;
        events.extend(told);
        assert!(result["frame"].as_u64() > frame.replace(result["frame"].as_u64().unwrap()), "{result}");
        assert_eq!(result["width"], 640);
        for person in result["persons"].as_array().unwrap() {
            *seen.entry(person["track"].as_u64().unwrap()).or_default() += 1;
            assert_eq!(person["box"].as_array().unwrap().len(), 4);
            let points = person["keypoints"].as_array().unwrap();
            assert!(points.is_empty() || points.len() == 17 && points[0].as_array().unwrap().len() == 3, "{person}");
            scored += usize::from(person["anomaly_score"].is_number());
        }
    }
    let stays = seen.values().filter(|&&frames| frames >= 48).count();
    println!("tracks and their frames: {seen:?}; persons with a score: {scored}; events: {}", events.len());
    assert!(stays >= 1 && scored > 0, "somebody is followed nearly all the time, and scored");

    let figures = get(house.address, &format!("/v1/streams/{id}")).await.json();
    println!("{figures}");
    assert_eq!((&figures["kind"], &figures["state"]), (&"anomaly".into(), &"live".into()));
    assert_eq!(figures["figures"]["results"], 60);
    assert!(figures["figures"]["latency_p99_ms"].as_f64() >= figures["figures"]["latency_p50_ms"].as_f64());
    let scorer = get(house.address, "/v1/models/starter-stg-nf").await.json();
    let (runs, rows) = (scorer["work"]["runs"].as_u64().unwrap(), scorer["work"]["rows"].as_u64().unwrap());
    println!("the windows of all persons: {rows} in {runs} runs");
    assert!(rows >= runs && runs > 0 && scorer["work"]["inference_ms"].as_f64().unwrap() > 0.0);
    assert!(events.iter().any(|event| event["event"] == "person.appeared"), "{events:?}");
    for (number, event) in (1..).zip(&events) {
        assert_eq!((&event["number"], &event["stream"]), (&number.into(), &id.into()), "{event}");
        assert!(event["time"].as_str().unwrap().ends_with('Z') && event["person"]["track"].is_u64());
        for feed in [&mut reader, &mut everywhere] {
            let sent = feed.next().await.unwrap();
            assert_eq!((sent.event.as_str(), &sent.data), (event["event"].as_str().unwrap(), event));
        }
    }
    let mut late = Feed::open_after(house.address, &format!("/v1/streams/{id}/events"), Some(1)).await;
    let again = late.next().await.unwrap();
    assert_eq!((again.id, Some(&again.data)), (Some(2), events.get(1)), "who comes back gets what was missed");
    assert_eq!(delete(house.address, &format!("/v1/streams/{id}")).await, 204);
    let mut last = Vec::new();
    while let Some(sent) = reader.next().await {
        last.push(sent.event);
    }
    assert_eq!(last.pop().as_deref(), Some("closed"), "readers end with the stream");
    assert!(last.iter().any(|event| event == "person.left"), "and whoever was there is told as gone: {last:?}");
    assert_eq!(socket.close_code().await, 1000);
}

#[tokio::test(flavor = "multi_thread")]
async fn options_change_while_it_runs_and_what_cannot_be_is_told() {
    let (house, _) = empty(options()).await;
    let (mut socket, ready) = ready(house.address, "?score_start=4&score_end=2&smoothing_ms=250&weight=7").await;
    assert_eq!((&ready["options"]["score_start"], &ready["options"]["smoothing_ms"]), (&4.0.into(), &250.0.into()));
    let zone = json!({"name": "door", "corners": [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]]});
    let schedule = json!({"utc_offset_min": 60, "spans": [[1320, 1800]]});
    let change = json!({"type": "options", "appear_frames": 1, "zones": [zone], "schedule": schedule});
    socket.say(&change.to_string()).await;
    let event = socket.event().await;
    assert_eq!(
        (&event["type"], &event["appear_frames"], &event["score_start"]),
        (&"options".into(), &1.into(), &4.0.into())
    );
    assert_eq!((&event["zones"][0], &event["schedule"]), (&zone, &schedule));
    socket.say(r#"{"type":"options","schedule":null}"#).await;
    let event = socket.event().await;
    assert_eq!((&event["schedule"], &event["zones"][0]["name"]), (&Value::Null, &"door".into()));
    for (text, code) in [
        (r#"{"type":"options","score_end":9}"#, "invalid_option"),
        (r#"{"type":"options","zones":[{"name":"door","corners":[[0,0],[1,0]]}]}"#, "invalid_option"),
        (r#"{"type":"options","zones":[{"name":"door","corners":[[0,0],[1,0],[1,7]]}]}"#, "invalid_option"),
        (r#"{"type":"options","schedule":{"spans":[[5,5]]}}"#, "invalid_option"),
        (r#"{"type":"options","score_strat":1}"#, "invalid_control"),
        (r#"{"type":"mode","mode":"fast"}"#, "invalid_control"),
        ("[]", "invalid_control"),
    ] {
        socket.say(text).await;
        let event = socket.event().await;
        assert_eq!((&event["type"], &event["code"]), (&"error".into(), &code.into()), "{text}: {event}");
    }
    let (result, _) = look(&mut socket, &png(8, 8, 1)).await;
    assert_eq!((&result["frame"], &result["persons"]), (&0.into(), &json!([])));
    let listed = get(house.address, "/v1/streams").await.json();
    assert_eq!((&listed["data"][0]["weight"], &listed["data"][0]["models"]), (&7.into(), &json!(["pose", "movement"])));
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_queries_are_refused_before_the_upgrade() {
    let (house, _) = empty(options()).await;
    for (query, status, code) in [
        ("?pose=unicorn", 404, "model_not_found"),
        ("?weight=0", 400, "invalid_option"),
        ("?weight=101", 400, "invalid_option"),
        ("?weight=many", 400, "invalid_query"),
        ("?score_start=1&score_end=2", 400, "invalid_option"),
        ("?scorestart=1", 400, "invalid_query"),
        ("?format=avi", 400, "invalid_query"),
        ("?format=h264", 501, "decoder_missing"),
        ("", 426, "upgrade_required"),
    ] {
        let answer = get(house.address, &format!("/v1/streams/anomaly{query}")).await;
        assert_eq!((answer.status, &answer.json()["code"]), (status, &code.into()), "{query}");
    }
    for (path, code) in
        [("/v1/streams/detect?weight=0", "invalid_option"), ("/v1/streams/segment?weight=-1", "invalid_query")]
    {
        assert_eq!(get(house.address, path).await.json()["code"], code, "{path}");
    }
    let mut socket = Socket::open_at(house.address, "/v1/streams/anomaly?pose=fake").await;
    assert_eq!(socket.event().await["code"], "wrong_family", "a detector gives no key points");
    assert_eq!(socket.close_code().await, 1008);
}

#[tokio::test(flavor = "multi_thread")]
async fn control_messages_before_ready_are_done_after_it() {
    let (house, pose) = empty(options()).await;
    house.registry.unload("pose").await.unwrap();
    let gate = Gate::closed();
    pose.hold_loads(&gate);
    let mut socket = Socket::open_at(house.address, "/v1/streams/anomaly").await;
    gate.wait_for(1);
    let listed = get(house.address, "/v1/streams").await.json();
    assert_eq!(listed["data"][0]["state"], "opening");
    for appear_frames in 1..=9 {
        socket.say(&json!({"type": "options", "appear_frames": appear_frames}).to_string()).await;
    }
    let refused = socket.event().await;
    assert_eq!((&refused["type"], &refused["code"]), (&"error".into(), &"invalid_control".into()), "one too many");
    gate.open();
    assert_eq!(socket.event().await["type"], "ready");
    for appear_frames in 1..=8 {
        assert_eq!(socket.event().await["appear_frames"], appear_frames);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_streams_number_their_people_apart() {
    let Some(program) = ffmpeg() else { return };
    let house: House = watched(options()).await;
    let street = pictures(program, 12);
    let (mut first, _) = ready(house.address, "").await;
    let mut alone = Vec::new();
    for picture in &street {
        alone.push(look(&mut first, picture).await.0["persons"].clone());
    }
    let (mut second, _) = ready(house.address, "").await;
    let (mut third, _) = ready(house.address, "").await;
    for (index, picture) in street.iter().enumerate() {
        let persons = look(&mut second, picture).await.0["persons"].clone();
        assert_eq!(persons, alone[index], "frame {index}: whoever else is there");
        look(&mut third, &street[street.len() - 1 - index]).await;
    }
    assert!(alone.iter().any(|persons| !persons.as_array().unwrap().is_empty()));
}

/// The first seconds of the street as H.264, one access unit each; none where the program cannot encode it.
fn access_units(program: &FfmpegProgram) -> Option<Vec<Vec<u8>>> {
    let input = starter("samples/street.mp4");
    let encoding = "-t 2 -an -c:v libx264 -tune zerolatency -bf 0 -g 12 -x264-params aud=1 -f h264 pipe:1";
    let mut command = std::process::Command::new(program.path());
    command.args(["-v", "error", "-i"]).arg(input).args(encoding.split(' '));
    let bytes = command.output().unwrap().stdout;
    const DELIMITER: [u8; 5] = [0, 0, 0, 1, 9];
    let starts: Vec<_> = (0..bytes.len()).filter(|&at| bytes[at..].starts_with(&DELIMITER)).collect();
    let ends = starts.iter().skip(1).copied().chain([bytes.len()]);
    let units: Vec<_> = starts.iter().zip(ends).map(|(&start, end)| bytes[start..end].to_vec()).collect();
    (!units.is_empty()).then_some(units)
}

#[tokio::test(flavor = "multi_thread")]
async fn access_units_are_frames_with_the_numbers_of_their_messages() {
    let Some(program) = ffmpeg().filter(FfmpegProgram::has_x264) else { return };
    let units = access_units(&program).unwrap();
    let house = watched(ServerOptions { ffmpeg: Some(program), ..options() }).await;
    let (mut socket, _) = ready(house.address, "?format=h264").await;
    let (mut persons, mut next, mut results) = (0, 0, 0);
    for (number, unit) in (0_u64..).zip(&units) {
        socket.frame(unit.clone()).await;
        while next <= number {
            let message = socket.event().await;
            match message["type"].as_str() {
                Some("result") => {
                    assert_eq!((&message["frame"], &message["width"]), (&next.into(), &640.into()), "{message}");
                    persons += message["persons"].as_array().unwrap().len();
                    (next, results) = (next + 1, results + 1);
                }
                Some("dropped") => next += message["count"].as_u64().unwrap(),
                Some("event") => {}
                _ => panic!("{message}"),
            }
        }
    }
    println!("{} access units, {results} results, {persons} persons", units.len());
    assert!(results > 12 && persons > 0);
    socket.frame(b"no access unit".to_vec()).await;
    let mut message = socket.event().await;
    while message["type"] == "event" {
        message = socket.event().await;
    }
    assert_eq!((&message["frame"], &message["code"]), (&units.len().into(), &"corrupt_media".into()), "{message}");
}
