//! Realtime transcription in OpenAI's words: what is said, turns by pauses and by the client, wrong events, keys of pages.

use crate::call_house::pcm16;
use crate::client::{get, post};
use crate::house::{House, options};
use crate::socket::Socket;
use crate::speech_house::{call_samples, call_truth, ears, has_voices, hearing, word_errors};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use samovar_server::ServerOptions;
use samovar_service::access::{Access, KeyDigest, KeySpec, Keyring, Scope, Scopes};
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

const PATH: &str = "/v1/realtime?intent=transcription";
const TRANSCRIPTION: &str = "conversation.item.input_audio_transcription";

/// A session after its first event.
async fn session(house: &House) -> Socket {
    let mut socket = Socket::open_at(house.address, PATH).await;
    let created = socket.event().await;
    assert_eq!((&created["type"], &created["session"]["type"]), (&json!("session.created"), &json!("transcription")));
    assert!(created["event_id"].as_str().unwrap().starts_with("event_"));
    let input = &created["session"]["audio"]["input"];
    assert_eq!(input["format"], json!({"type": "audio/pcm", "rate": 24_000}));
    assert_eq!(
        (&input["transcription"]["model"], &input["turn_detection"]["type"]),
        (&json!("whisper"), &json!("server_vad"))
    );
    socket
}

async fn say(socket: &mut Socket, event: Value) {
    socket.say(&event.to_string()).await;
}

async fn append(socket: &mut Socket, sound: &[u8], chunk: usize) {
    for chunk in sound.chunks(chunk) {
        say(socket, json!({"type": "input_audio_buffer.append", "audio": STANDARD.encode(chunk)})).await;
    }
}

/// Sets what is given, and reads what is in force then.
async fn update(socket: &mut Socket, input: Value) -> Value {
    say(socket, json!({"type": "session.update", "session": {"type": "transcription", "audio": {"input": input}}}))
        .await;
    let updated = socket.event().await;
    assert_eq!(updated["type"], "session.updated", "{updated}");
    updated["session"]["audio"]["input"].clone()
}

/// Events until so many items have their text.
async fn completed(socket: &mut Socket, items: usize) -> Vec<Value> {
    let mut events: Vec<Value> = Vec::new();
    while of(&events, &format!("{TRANSCRIPTION}.completed")).len() < items {
        events.push(socket.event().await);
    }
    events
}

fn of<'a>(events: &'a [Value], kind: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| event["type"] == kind).collect()
}

fn transcript(events: &[Value]) -> String {
    let texts: Vec<_> = of(events, &format!("{TRANSCRIPTION}.completed"))
        .iter()
        .map(|event| event["transcript"].as_str().unwrap())
        .collect();
    texts.join(" ")
}

/// The call at 24 kHz, between samples on straight lines, with a second of silence behind it.
fn at_24_khz() -> Vec<u8> {
    let samples = [&call_samples()[..], &[0.0; 16_000]].concat();
    let between = |place: usize| {
        let (index, share) = (place * 2 / 3, (place * 2 % 3) as f32 / 3.0);
        let next = samples.get(index + 1).copied().unwrap_or_default();
        samples[index] * (1.0 - share) + next * share
    };
    pcm16(&(0..samples.len() * 3 / 2).map(between).collect::<Vec<_>>())
}

#[tokio::test(flavor = "multi_thread")]
async fn pauses_end_items_and_text_is_only_ever_added_to() {
    if !has_voices() {
        return;
    }
    let house = ears().await;
    let mut socket = session(&house).await;
    let input = update(&mut socket, json!({"transcription": {"model": "whisper", "language": "en"}})).await;
    assert_eq!(input["transcription"]["language"], "en");
    append(&mut socket, &at_24_khz(), 4_801).await;
    let events = completed(&mut socket, 6).await;
    let errors = word_errors(&transcript(&events), call_truth()["text"].as_str().unwrap());
    assert!(errors <= 0.05, "{errors}: {}", transcript(&events));
    let mut previous = Value::Null;
    for (index, committed) in of(&events, "input_audio_buffer.committed").into_iter().enumerate() {
        let item = committed["item_id"].clone();
        assert_eq!(committed["previous_item_id"], previous, "{committed}");
        let about = |event: &&Value| event["item_id"] == item || event["item"]["id"] == item;
        let kinds: Vec<&str> = events.iter().filter(about).map(|event| event["type"].as_str().unwrap()).collect();
        assert_eq!(kinds.first(), Some(&"input_audio_buffer.speech_started"), "{kinds:?}");
        assert_eq!(kinds.last(), Some(&&*format!("{TRANSCRIPTION}.completed")), "{kinds:?}");
        let place = |kind: &str| kinds.iter().position(|other| *other == kind).unwrap();
        assert!(place("input_audio_buffer.speech_stopped") < place("input_audio_buffer.committed"));
        assert!(place("input_audio_buffer.committed") < place("conversation.item.added"));
        assert!(place("conversation.item.added") < place("conversation.item.done"));
        let deltas: String = events.iter().filter(about).filter_map(|event| event["delta"].as_str()).collect();
        let whole = of(&events, &format!("{TRANSCRIPTION}.completed"))[index];
        assert!(about(&whole) && whole["usage"]["type"] == "duration", "{whole}");
        assert_eq!(deltas, whole["transcript"].as_str().unwrap());
        previous = item;
    }
    let starts = of(&events, "input_audio_buffer.speech_started");
    let off = starts[0]["audio_start_ms"].as_f64().unwrap() - 410.0;
    assert!(off.abs() < 400.0, "{off} ms");
    assert!(of(&events, "error").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_commits_ends_items_itself() {
    if !has_voices() {
        return;
    }
    let house = ears().await;
    let mut socket = session(&house).await;
    let input = json!({"turn_detection": null, "format": {"type": "audio/pcm", "rate": 16_000}, "transcription": {"language": "en"}});
    let input = update(&mut socket, input).await;
    assert_eq!((&input["turn_detection"], &input["format"]["rate"]), (&Value::Null, &json!(16_000)));
    say(&mut socket, json!({"type": "input_audio_buffer.commit", "event_id": "mine"})).await;
    let error = socket.event().await;
    assert_eq!(
        (&error["error"]["code"], &error["error"]["event_id"]),
        (&json!("input_audio_buffer_commit_empty"), &json!("mine"))
    );
    let sound = pcm16(&call_samples());
    let at = |seconds: f64| (seconds * 16_000.0) as usize * 2;
    append(&mut socket, &sound[at(2.5)..at(4.5)], 1_001).await;
    say(&mut socket, json!({"type": "input_audio_buffer.clear"})).await;
    append(&mut socket, &sound[at(4.5)..at(7.0)], 1_001).await;
    say(&mut socket, json!({"type": "input_audio_buffer.commit"})).await;
    append(&mut socket, &sound[at(7.0)..at(9.2)], 1_001).await;
    say(&mut socket, json!({"type": "input_audio_buffer.commit"})).await;
    let events = completed(&mut socket, 2).await;
    let heard = transcript(&events);
    assert!(word_errors(&heard, "The house is full of smoke. My mother is not breathing.") <= 0.05, "{heard}");
    assert_eq!(of(&events, "input_audio_buffer.cleared").len(), 1);
    assert_eq!(of(&events, "input_audio_buffer.committed").len(), 2);
    assert!(of(&events, "input_audio_buffer.speech_started").is_empty());
    assert!(of(&events, "error").is_empty(), "{events:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_older_form_is_spoken_with_who_speaks_it() {
    if !has_voices() {
        return;
    }
    let house = ears().await;
    let mut request = format!("ws://{}{PATH}", house.address).into_client_request().unwrap();
    request.headers_mut().insert("openai-beta", "realtime=v1".parse().unwrap());
    let mut socket = Socket::request(house.address, request).await;
    let created = socket.event().await;
    assert_eq!(
        (&created["type"], &created["session"]["input_audio_format"]),
        (&json!("transcription_session.created"), &json!("pcm16"))
    );
    let update =
        json!({"input_audio_format": "g711_ulaw", "input_audio_transcription": {"model": "whisper", "language": "en"}});
    say(&mut socket, json!({"type": "transcription_session.update", "session": update})).await;
    let updated = socket.event().await;
    assert_eq!(
        (&updated["type"], &updated["session"]["input_audio_format"]),
        (&json!("transcription_session.updated"), &json!("g711_ulaw"))
    );
    // A telephone's silence: nothing is said, and nothing is told.
    append(&mut socket, &[0xff; 16_000], 160).await;
    let back = json!({"turn_detection": null});
    say(&mut socket, json!({"type": "transcription_session.update", "session": back})).await;
    assert_eq!(socket.event().await["type"], "transcription_session.updated");
    append(&mut socket, &[0xff; 8_000], 160).await;
    say(&mut socket, json!({"type": "input_audio_buffer.commit"})).await;
    let events = completed(&mut socket, 1).await;
    assert_eq!(transcript(&events), "");
    assert_eq!(of(&events, "conversation.item.created").len(), 1, "{events:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_events_are_told_with_their_names_and_the_session_goes_on() {
    let house = ears().await;
    let mut socket = session(&house).await;
    let update =
        |input: Value| json!({"type": "session.update", "event_id": "e", "session": {"audio": {"input": input}}});
    for (event, code) in [
        (json!({"type": "response.create", "event_id": "e"}), "invalid_control"),
        (json!({"type": "input_audio_buffer.append", "event_id": "e", "audio": "%%%"}), "invalid_control"),
        (json!({"type": "input_audio_buffer.append", "event_id": "e"}), "invalid_control"),
        (json!({"type": "session.update", "event_id": "e", "session": 7}), "invalid_control"),
        (json!({"type": "session.update", "event_id": "e", "session": {"type": "realtime"}}), "invalid_option"),
        (update(json!({"turn_detection": {"type": "semantic_vad"}})), "invalid_option"),
        (update(json!({"transcription": {"language": "klingon"}})), "unknown_language"),
        (update(json!({"transcription": {"model": "gpt-4o-transcribe"}})), "model_not_found"),
        (json!({"type": "input_audio_buffer.commit", "event_id": "e"}), "input_audio_buffer_commit_empty"),
    ] {
        say(&mut socket, event.clone()).await;
        let error = socket.event().await;
        assert_eq!((&error["type"], &error["error"]["code"]), (&json!("error"), &json!(code)), "{event}: {error}");
        assert_eq!(error["error"]["event_id"], "e", "{error}");
    }
    for text in ["", "[]", "hello \0", &"[".repeat(60_000)] {
        socket.say(text).await;
        assert_eq!(socket.event().await["error"]["code"], "invalid_control");
    }
    socket.frame(vec![1, 2, 3]).await;
    assert_eq!(socket.event().await["error"]["code"], "invalid_control");
    update_is_refused_once_there_is_sound(&mut socket).await;
    say(&mut socket, json!({"type": "input_audio_buffer.clear"})).await;
    loop {
        let event = socket.event().await;
        if event["type"] == "input_audio_buffer.cleared" {
            break;
        }
        assert_eq!(event["error"]["code"], "no_voice_model", "{event}");
    }
}

async fn update_is_refused_once_there_is_sound(socket: &mut Socket) {
    append(socket, &[0; 4_800], 4_800).await;
    let input = json!({"format": {"type": "audio/pcmu"}});
    say(socket, json!({"type": "session.update", "session": {"audio": {"input": input}}})).await;
    loop {
        let event = socket.event().await;
        if event["error"]["code"] != "no_voice_model" {
            assert_eq!(event["error"]["code"], "invalid_option", "{event}");
            break;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_there_is_not_is_refused_in_openais_form() {
    let house = ears().await;
    let answer = get(house.address, "/v1/realtime?intent=conversation").await;
    let error = &answer.json()["error"];
    assert_eq!(
        (answer.status, &error["code"], &error["type"]),
        (400, &json!("invalid_query"), &json!("invalid_request_error"))
    );
    for path in ["/v1/realtime/transcription_sessions", "/v1/realtime/client_secrets"] {
        let answer = post(house.address, path, b"{}").await;
        assert_eq!((answer.status, &answer.json()["error"]["code"]), (501, &json!("client_secrets_unsupported")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_shows_its_key_as_openais_clients_do_and_loses_the_session_with_it() {
    let spec = |name: &str| KeySpec {
        scopes: Scopes::default().with(Scope::Infer),
        ..KeySpec::new(name, KeyDigest::of(&format!("{name}-secret")))
    };
    let access = Arc::new(Access::keyed(Keyring::new(&[spec("page"), spec("other")]).unwrap()));
    let house = hearing(ServerOptions { access: Arc::clone(&access), ..options() }).await;
    let asked = |protocols: &str| {
        let mut request = format!("ws://{}{PATH}", house.address).into_client_request().unwrap();
        request.headers_mut().insert("sec-websocket-protocol", protocols.parse().unwrap());
        request
    };
    let socket = TcpStream::connect(house.address).await.unwrap();
    assert!(client_async(asked("realtime, openai-insecure-api-key.wrong"), socket).await.is_err());
    let request = asked("realtime, openai-insecure-api-key.page-secret");
    let mut socket = Socket::request(house.address, request).await;
    assert_eq!(socket.event().await["type"], "session.created");
    access.replace(&[spec("other")]).unwrap();
    loop {
        let event = socket.event().await;
        if event["error"]["code"] != "no_voice_model" {
            assert_eq!((&event["type"], &event["error"]["type"]), (&json!("error"), &json!("authentication_error")));
            break;
        }
    }
    assert_eq!(socket.close_code().await, 1008);
}
