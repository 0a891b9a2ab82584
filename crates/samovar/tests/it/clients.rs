//! The clients that people already have, unmodified, on a real server: each program of `clients/examples` as a process of its own,
//! and the tests of `samovar-client`. `scripts/clients` installs what they need.

use crate::clients_tools::{Tools, repository};
use crate::running::{Running, config};
use crate::support::{has_ffmpeg, real};

#[test]
fn openais_clients_get_embeddings() {
    let (Some(tools), Some(minilm)) = (Tools::find(), minilm()) else { return };
    let server = Running::models(&[minilm]);
    tools.runs("python/openai_embeddings.py", &server, &["minilm"]);
    tools.runs("python/openai_async.py", &server, &["minilm"]);
    tools.runs("javascript/embeddings.cjs", &server, &["minilm"]);
    server.end();
}

#[test]
fn tritons_clients_send_tensors() {
    let Some(tools) = Tools::find() else { return };
    let server = Running::models(&[identity()]);
    for example in ["triton_http", "triton_http_async", "triton_grpc", "triton_grpc_async"] {
        tools.runs(&format!("python/{example}.py"), &server, &["identity"]);
    }
    server.end();
}

#[test]
fn tritons_clients_share_memory_with_a_server_that_allows_it() {
    let Some(tools) = Tools::find() else { return };
    let head = "[server]\nshared_memory = true\ndrain_delay_ms = 0\n[plans]\nfolder = \"plans\"\nbackground = false\n";
    let server = Running::configured(&config(head, &[identity()]), &[]);
    tools.runs("python/triton_shared_memory.py", &server, &["identity"]);
    server.end();
}

#[test]
fn tritons_clients_run_models_of_other_families_as_graphs() {
    let (Some(tools), Some(minilm), Some(yolo)) = (Tools::find(), minilm(), yolo()) else { return };
    let Some(bus) = real("media/bus.jpg") else { return };
    let server = Running::models(&[minilm, yolo]);
    tools.runs("python/triton_minilm.py", &server, &["minilm"]);
    tools.runs("python/triton_yolov8n.py", &server, &["yolov8n", &bus.display().to_string()]);
    server.end();
}

#[test]
fn kserves_clients_send_tensors() {
    let Some(tools) = Tools::find() else { return };
    let server = Running::models(&[identity()]);
    tools.runs("python/kserve_client.py", &server, &["identity"]);
    server.end();
}

#[test]
fn samovars_client_sends_streams_and_jobs() {
    let (Some(tools), Some(yolo)) = (Tools::find(), yolo()) else { return };
    let (Some(bus), Some(walk)) = (real("media/bus.jpg"), real("media/vtest.mp4")) else { return };
    let server = Running::models(&[yolo]);
    tools.runs("python/samovar_stream.py", &server, &["yolov8n", &bus.display().to_string()]);
    if has_ffmpeg() {
        tools.runs("python/samovar_jobs.py", &server, &["yolov8n", &walk.display().to_string()]);
    }
    server.end();
}

#[test]
fn samovars_client_asks_of_texts_and_faces() {
    let (Some(tools), Some(minilm)) = (Tools::find(), minilm()) else { return };
    let (Some(yunet), Some(picture)) = (real("yunet/face_detection_yunet_2023mar.onnx"), real("media/zidane.jpg"))
    else {
        return;
    };
    let server = Running::models(&[minilm, ("yunet", format!("path = {yunet:?}"))]);
    tools.runs("python/samovar_answers.py", &server, &["minilm", "yunet", &picture.display().to_string()]);
    server.end();
}

#[test]
fn samovars_client_passes_its_own_tests() {
    let Some(tools) = Tools::find() else { return };
    tools.python_module("pytest", &["-p", "no:cacheprovider"]);
}

#[test]
fn samovars_client_is_typed() {
    let Some(tools) = Tools::find() else { return };
    tools.python_module("mypy", &["--cache-dir", "/dev/null"]);
}

/// The model that gives back what it got: `y = x` of f32 `[batch, numbers]`.
fn identity() -> (&'static str, String) {
    let path = repository().join("crates/samovar/src/bench/service/identity.onnx");
    ("identity", format!("path = {path:?}\nfamily = \"tensor\""))
}

fn minilm() -> Option<(&'static str, String)> {
    Some(("minilm", format!("path = {:?}", real("minilm/model.onnx")?)))
}

fn yolo() -> Option<(&'static str, String)> {
    Some(("yolov8n", format!("path = {:?}", real("yolov8n/yolov8n.onnx")?)))
}
