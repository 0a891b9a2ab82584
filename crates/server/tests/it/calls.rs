//! Recordings analysed and calls kept, over HTTP: what comes of them, who sees them, that they go, and what is told to nobody.

use crate::client::{Answer, get, post, post_with, raw};
use crate::house::{House, fake_detector, options, spec};
use crate::speech_house::{call, call_samples, call_truth, form, hearing, wav};
use samovar_engines::FakeEngine;
use samovar_runtime::ModelSpec;
use samovar_server::{CallSettings, ServerOptions};
use samovar_service::access::{Access, KeyDigest, KeySpec, Keyring, Scope, Scopes};
use samovar_triage::RuleBook;
use serde_json::{Value, json};
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use tempfile::TempDir;
use tracing_subscriber::fmt::MakeWriter;

const ANALYZE: &str = "/api/analyze?model=whisper&language=en";

fn keeping(folder: &TempDir, keep_audio: bool) -> ServerOptions {
    let settings = CallSettings { keep_audio, ..CallSettings::new(folder.path().join("calls")) };
    ServerOptions { calls: Some(settings), ..options() }
}

async fn delete(address: SocketAddr, path: &str, headers: &str) -> Answer {
    let request = format!("DELETE {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n{headers}\r\n");
    raw(address, request.as_bytes()).await
}

async fn get_with(address: SocketAddr, path: &str, headers: &str) -> Answer {
    let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n{headers}\r\n");
    raw(address, request.as_bytes()).await
}

fn well(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    answer.json()
}

fn rules(triage: &Value) -> Vec<&str> {
    triage["reasons"].as_array().unwrap().iter().map(|reason| reason["rule"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_is_heard_measured_judged_kept_found_and_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let house = hearing(keeping(&folder, true)).await;
    let told = well(&post(house.address, &format!("{ANALYZE}&label=case%201"), &call()).await);
    assert_eq!((&told["transcript"]["text"], &told["transcript"]["language"]), (&call_truth()["text"], &json!("en")));
    assert_eq!((&told["triage"]["priority"], &told["degraded"]), (&json!("P1"), &json!([])));
    let breathing =
        told["triage"]["reasons"].as_array().unwrap().iter().find(|reason| reason["quote"] == "not breathing");
    let at_s = breathing.unwrap_or_else(|| panic!("{}", told["triage"]))["start_s"].as_f64().unwrap();
    assert!((7.4..9.0).contains(&at_s), "{at_s}");
    let seconds = told["acoustics"]["seconds"].as_array().unwrap();
    assert_eq!((seconds.len(), &told["duration_s"]), (15, &json!(15.0)));
    assert_eq!(told["acoustics"]["summary"]["pitch_hz"]["unit"], "Hz");
    let score = told["distress"]["score"].as_f64().unwrap();
    let parts: f64 =
        told["distress"]["parts"].as_array().unwrap().iter().map(|part| part["contribution"].as_f64().unwrap()).sum();
    assert!((score - parts).abs() < 1e-9, "the score is the sum of what is shown: {}", told["distress"]);
    let id = told["call_id"].as_str().unwrap();
    kept(&house, id, &told).await;
    let gone = delete(house.address, &format!("/v1/calls/{id}"), "").await;
    assert_eq!(gone.status, 204);
    for path in [format!("/v1/calls/{id}"), format!("/v1/calls/{id}/audio")] {
        assert_eq!(
            (get(house.address, &path).await.status, get(house.address, &path).await.json()["code"].clone()),
            (404, json!("call_not_found"))
        );
    }
    assert!(
        !anything_says(folder.path(), b"kitchen") && !anything_says(folder.path(), b"Mill Road"),
        "no file has a word of it"
    );
}

/// What is told of the call by its name, in lists and as sound.
async fn kept(house: &House, id: &str, told: &Value) {
    let show = well(&get(house.address, &format!("/v1/calls/{id}")).await);
    assert_eq!(
        (&show["state"], &show["origin"], &show["label"], &show["priority"]),
        (&json!("ended"), &json!("upload"), &json!("case 1"), &json!("P1"))
    );
    let said: Vec<&Value> = show["segments"].as_array().unwrap().iter().map(|segment| &segment["text"]).collect();
    let heard: Vec<&Value> =
        told["transcript"]["segments"].as_array().unwrap().iter().map(|segment| &segment["text"]).collect();
    assert_eq!(said, heard);
    let features = show["features"].as_array().unwrap();
    assert_eq!(features.len(), 15);
    let peak = features.iter().find(|second| second["at_s"] == told["distress"]["at_s"]).unwrap();
    assert_eq!(parts(&peak["distress"]), parts(&told["distress"]));
    assert_eq!(peak["distress"]["score"], peak["values"]["distress"]);
    assert!(show["opening"].as_str().unwrap().starts_with("Hello, I need help."), "{show}");
    assert_eq!(rules(&show["decisions"][0]), rules(&told["triage"]));
    let audio = get(house.address, &format!("/v1/calls/{id}/audio")).await;
    assert_eq!((audio.status, audio.body.len()), (200, 44 + 2 * call_samples().len()));
    assert_eq!(audio.header("cache-control"), Some("private, no-store"));
    let again = well(&post(house.address, &format!("{ANALYZE}&store=false&seconds=false"), &audio.body).await);
    assert_eq!((&again["transcript"]["text"], &again["call_id"]), (&told["transcript"]["text"], &Value::Null));
    assert_eq!(again["acoustics"]["seconds"], json!([]));
    for (query, found) in [
        ("", 1),
        ("?text=mill+road", 1),
        ("?text=KITCH", 1),
        ("?text=kitchen+garage", 0),
        ("?priority=P1", 1),
        ("?category=accident", 0),
        ("?since_ms=99999999999999", 0),
        ("?after=1", 0),
    ] {
        let list = well(&get(house.address, &format!("/v1/calls{query}")).await);
        assert_eq!(list["data"].as_array().unwrap().len(), found, "{query}: {list}");
    }
    for (query, code) in [
        ("?text=...", "bad_search"),
        ("?priority=P9", "invalid_option"),
        ("?limit=0", "invalid_option"),
        ("?state=open", "invalid_query"),
    ] {
        let answer = get(house.address, &format!("/v1/calls{query}")).await;
        assert_eq!((answer.status, &answer.json()["code"]), (400, &json!(code)), "{query}");
    }
}

/// Each part of a score with what it adds, in thousandths: what is kept went through text.
fn parts(distress: &Value) -> Vec<(&str, i64)> {
    let added = |part: &Value| (part["contribution"].as_f64().unwrap() * 1e3).round() as i64;
    distress["parts"].as_array().unwrap().iter().map(|one| (one["figure"].as_str().unwrap(), added(one))).collect()
}

/// Whether a file below that folder has these bytes.
fn anything_says(folder: &Path, words: &[u8]) -> bool {
    std::fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return anything_says(&path, words);
        }
        std::fs::read(path).unwrap().windows(words.len()).any(|window| window.eq_ignore_ascii_case(words))
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_analysed_is_refused_by_name_and_leaves_no_call() {
    let folder = tempfile::tempdir().unwrap();
    let house = hearing(keeping(&folder, true)).await;
    for (query, body, status, code) in [
        ("", &b""[..], 422, "audio_empty"),
        ("", b"this is no sound at all, but some text", 501, "decoder_missing"),
        ("?model=nobody", &call(), 404, "model_not_found"),
        ("?language=klingon", &call(), 400, "unknown_language"),
        ("?speed=2", &call(), 400, "invalid_query"),
        ("?timeout_ms=1", &call(), 504, "deadline_exceeded"),
    ] {
        let answer = post(house.address, &format!("/api/analyze{query}"), body).await;
        let found = answer.json();
        assert_eq!((answer.status, found["code"].as_str()), (status, Some(code)), "{query}: {found}");
    }
    let (head, body) = form(&[("model", "whisper")], Some(&call()));
    assert_eq!(post_with(house.address, "/api/analyze", &head, &body).await.status, 400, "options go into the query");
    let (head, body) = form(&[], Some(&call()));
    assert_eq!(post_with(house.address, "/api/analyze?store=false", &head, &body).await.status, 200);
    let list = well(&get(house.address, "/v1/calls").await);
    assert_eq!(list["data"], json!([]));
    assert_eq!(std::fs::read_dir(folder.path().join("calls/audio")).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_and_a_torn_file_are_told_as_what_they_are() {
    let house = hearing(options()).await;
    let silent = well(&post(house.address, ANALYZE, &wav(16_000, 1, &[0.0; 48_000])).await);
    assert_eq!((&silent["transcript"]["text"], &silent["distress"]), (&json!(""), &Value::Null));
    assert_eq!((&silent["triage"]["priority"], &silent["call_id"]), (&json!("P4"), &Value::Null));
    let whole = call();
    let torn = well(&post(house.address, ANALYZE, &whole[..whole.len() / 2]).await);
    assert_eq!(torn["degraded"][0]["part"], "audio", "{torn}");
    assert!(torn["transcript"]["text"].as_str().unwrap().starts_with("Hello, I need help."));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_model_that_works_the_figures_come_all_the_same() {
    let broken = ModelSpec { preload: true, ..spec("whisper", Path::new("absent.onnx")) };
    let house = House::start(options(), Arc::new(FakeEngine::new()), vec![broken], fake_detector()).await;
    let told = well(&post(house.address, "/api/analyze?model=whisper", &call()).await);
    assert_eq!(told["transcript"], Value::Null);
    assert_eq!(
        (&told["degraded"][0]["part"], &told["degraded"][0]["code"]),
        (&json!("transcript"), &json!("model_not_ready"))
    );
    assert_eq!(told["acoustics"]["seconds"].as_array().unwrap().len(), 15);
    assert_eq!(told["triage"]["priority"], "P4");
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_that_change_hold_for_the_next_recording_and_refused_ones_are_told() {
    let options = options();
    let rules = Arc::clone(&options.rules);
    let house = hearing(options).await;
    assert_eq!(well(&post(house.address, ANALYZE, &call()).await)["triage"]["category"], "medical");
    let book = "[[rules]]\nid = 'road'\ncategory = 'road'\npriority = 'P3'\nany = ['mill road']\n";
    rules.replace(RuleBook::parse(book).unwrap());
    let told = well(&post(house.address, ANALYZE, &call()).await);
    assert_eq!((&told["triage"]["priority"], &told["triage"]["category"]), (&json!("P3"), &json!("road")));
    rules.refuse(RuleBook::parse("rules = 3").unwrap_err());
    let health = well(&get(house.address, "/health").await);
    assert_eq!((&health["triage"]["rules"], &health["triage"]["code"]), (&json!(1), &json!("triage_syntax")));
    assert_eq!(health["calls"], Value::Null);
}

fn key(name: &str, scope: Scope) -> KeySpec {
    KeySpec { scopes: Scopes::default().with(scope), ..KeySpec::new(name, KeyDigest::of(&format!("{name}-{name}"))) }
}

fn bearer(name: &str) -> String {
    format!("authorization: Bearer {name}-{name}\r\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_sees_its_own_calls_and_an_administrator_all() {
    let folder = tempfile::tempdir().unwrap();
    let root = key("root", Scope::Admin);
    let root = KeySpec { scopes: root.scopes.with(Scope::Infer), ..root };
    let keys = [key("north", Scope::Infer), key("south", Scope::Infer), root, key("meter", Scope::Metrics)];
    let access = Arc::new(Access::keyed(Keyring::new(&keys).unwrap()));
    let house = hearing(ServerOptions { access, ..keeping(&folder, false) }).await;
    let told = well(&post_with(house.address, ANALYZE, &bearer("north"), &call()).await);
    let path = format!("/v1/calls/{}", told["call_id"].as_str().unwrap());
    let seen = async |name: &str| {
        let list = get_with(house.address, "/v1/calls", &bearer(name)).await;
        let count = list.json()["data"].as_array().map(Vec::len);
        (list.status, count, get_with(house.address, &path, &bearer(name)).await.status)
    };
    assert_eq!(seen("north").await, (200, Some(1), 200));
    assert_eq!(seen("south").await, (200, Some(0), 404));
    assert_eq!(seen("meter").await, (403, None, 403));
    assert_eq!(delete(house.address, &path, &bearer("south")).await.status, 404);
    let audio = get_with(house.address, &format!("{path}/audio"), &bearer("north")).await;
    assert_eq!((audio.status, &audio.json()["code"]), (404, &json!("call_audio_not_kept")));
    assert_eq!(delete(house.address, &path, &bearer("root")).await.status, 204);
    assert_eq!(seen("north").await, (200, Some(0), 404));
}

/// A log that is kept in memory.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_word_of_a_call_is_in_the_log_however_much_is_logged() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_writer(log.clone()).with_max_level(tracing::Level::TRACE).finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let house = hearing(ServerOptions { access_log: true, ..keeping(&folder, true) }).await;
    let told = well(&post(house.address, &format!("{ANALYZE}&label=Smithson&prompt=Gunderson"), &call()).await);
    let path = format!("/v1/calls/{}", told["call_id"].as_str().unwrap());
    get(house.address, "/v1/calls?text=ambulance").await;
    get(house.address, "/v1/calls?text=...").await;
    get(house.address, &path).await;
    get(house.address, &format!("{path}/audio")).await;
    post(house.address, &format!("{ANALYZE}&label=Smithson"), &call()[..300]).await;
    delete(house.address, &path, "").await;
    let logged = String::from_utf8_lossy(&log.0.lock().unwrap()).to_lowercase();
    assert!(logged.contains("a call was deleted"), "the log is caught");
    for word in ["kitchen", "mill road", "breathing", "ambulance", "smithson", "gunderson"] {
        let line = logged.lines().find(|line| line.contains(word));
        assert_eq!(line, None, "{word}");
    }
}
