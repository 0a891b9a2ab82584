//! `samovar serve` as a process: start, readiness, an answer, and the way out.

use crate::running::Running;
use crate::support::{Ended, Street, samovar, shipped, street};

#[test]
fn it_answers_and_ends_when_told() {
    let Street { model, picture, persons, .. } = street();
    let model = format!("nano={}", model.display());
    let mut server = Running::start(&["--engine", "rten", "--model", &model]);
    assert!(server.request("GET /health/live", b"").starts_with("HTTP/1.1 200"), "it lives from the beginning");
    assert!(server.wait_for("ready: ").starts_with("ready: 1 of 1 models"));
    assert!(server.request("GET /health/ready", b"").starts_with("HTTP/1.1 200"));
    let answer = server.request("POST /v1/detect?score_min=0.5", &std::fs::read(picture).unwrap());
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let body: serde_json::Value = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
    assert_eq!(crate::support::count(&body, "person"), persons);
    server.signal("TERM");
    server.wait_for("all finished");
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
}

/// The server has read what its models are, so that nobody waits for loads, or is refused, who names none.
#[test]
fn the_only_model_of_a_kind_is_meant_although_nothing_is_loaded() {
    let Street { model, picture, .. } = street();
    let whisper = shipped("models/starter-whisper/onnx/encoder_model.onnx");
    let keys = |path: &std::path::Path| format!("path = {path:?}\npreload = false");
    let mut server = Running::models(&[("people", keys(&model)), ("words", keys(&whisper))]);
    server.wait_for("ready: ");
    let call = std::fs::read(shipped("samples/call.flac")).unwrap();
    let heard = server.request("POST /asr/transcribe", &call);
    assert!(heard.starts_with("HTTP/1.1 200") && heard.contains("\"model\":\"words\""), "{heard}");
    assert_eq!(server.model("people")["state"], "absent", "it was not loaded to find out what it is");
    let found = server.request("POST /v1/detect", &std::fs::read(picture).unwrap());
    assert!(found.starts_with("HTTP/1.1 200"), "{found}");
    server.end();
}

#[test]
fn a_model_that_fails_does_not_stop_the_server_and_is_told() {
    let Street { picture, .. } = street();
    let model = format!("broken={}", picture.display());
    // Ctrl-C does not wait for balancers; ten minutes would show.
    let mut server =
        Running::configured("[server]\ndrain_delay_ms = 600000\n[plans]\nfolder = \"plans\"\n", &["--model", &model]);
    let line = server.wait_for("broken: failed");
    assert!(line.contains("failed[model_file_damaged]: "), "{line}");
    assert!(server.wait_for("ready").starts_with("not ready: 0 of 1 models"));
    assert!(server.request("GET /health/live", b"").starts_with("HTTP/1.1 200"));
    assert!(server.request("GET /health/ready", b"").starts_with("HTTP/1.1 503"));
    server.signal("INT");
    server.wait_for("all finished");
    assert_eq!(server.child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_taken_port_is_told_with_its_cure() {
    let Street { model, .. } = street();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let mut command = samovar();
    let ended = Ended::from(command.args(["serve", "--port", &port, "--model"]).arg(model).output().unwrap());
    assert_eq!(ended.code, 1);
    assert!(ended.stderr.contains("error[port_taken]: "), "{}", ended.stderr);
}

#[test]
fn an_open_address_needs_a_word() {
    let Street { model, .. } = street();
    let mut command = samovar();
    let ended = Ended::from(command.args(["serve", "--listen", "0.0.0.0:0", "--model"]).arg(model).output().unwrap());
    assert!(ended.code == 1 && ended.stderr.contains("error[address_exposed]: "), "{}", ended.stderr);
}

#[test]
fn without_a_model_there_is_nothing_to_serve() {
    let ended = Ended::from(samovar().arg("serve").output().unwrap());
    assert!(ended.code == 2 && ended.stderr.starts_with("error[no_model]: "), "{}", ended.stderr);
}
