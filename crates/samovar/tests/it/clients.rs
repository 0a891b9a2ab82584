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
fn openais_client_gets_recordings_as_text() {
    let Some(tools) = Tools::find() else { return };
    let server = Running::models(&[starter_whisper()]);
    let (call, truth) = (starter("samples/call.flac"), starter("samples/call.json"));
    tools.runs("python/openai_transcriptions.py", &server, &["starter-whisper", &call, &truth]);
    tools.runs("python/samovar_transcribe.py", &server, &["starter-whisper", &call, &truth]);
    server.end();
}

#[test]
fn openais_client_transcribes_while_somebody_speaks() {
    let (Some(tools), Some(voices)) = (Tools::find(), real("silero-vad/silero_vad_16k_op15.onnx")) else { return };
    let folder = tempfile::tempdir().unwrap();
    let recording = folder.path().join("call.wav");
    std::fs::write(&recording, wav(&starter("samples/call.flac"))).unwrap();
    let truth = std::fs::read_to_string(starter("samples/call.json")).unwrap();
    let truth: serde_json::Value = serde_json::from_str(&truth).unwrap();
    // Named, because until they are loaded either of the two might be the one that hears words.
    let head = "[server]\ndrain_delay_ms = 0\n[speech]\nmodel = \"starter-whisper\"\n[plans]\nfolder = \"plans\"\nbackground = false\n";
    let models = [starter_whisper(), ("voices", format!("path = {voices:?}"))];
    let server = Running::configured(&config(head, &models), &[]);
    let arguments = ["starter-whisper", &recording.display().to_string(), truth["text"].as_str().unwrap()];
    tools.runs("python/openai_realtime.py", &server, &arguments);
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

/// The Whisper that ships.
fn starter_whisper() -> (&'static str, String) {
    ("starter-whisper", format!("path = {:?}", starter("models/starter-whisper/onnx/encoder_model.onnx")))
}

/// The recording as a WAV of 16-bit mono samples at 16 kHz.
fn wav(recording: &str) -> Vec<u8> {
    use samovar_media::{AudioInput, AudioLimits, AudioOptions, AudioReader};
    let input = AudioInput::Bytes(std::fs::read(recording).unwrap().into());
    let mut reader = AudioReader::open(input, &AudioOptions::default(), &AudioLimits::default()).unwrap();
    let samples = reader.read_to_end(1 << 20).unwrap();
    let data: Vec<u8> = samples.iter().flat_map(|sample| ((sample * 32_767.0) as i16).to_le_bytes()).collect();
    let length = u32::try_from(data.len()).unwrap();
    let (size, rate) = ((length + 36).to_le_bytes(), 16_000_u32.to_le_bytes());
    let format = [&b"WAVEfmt \x10\0\0\0\x01\0\x01\0"[..], &rate, &32_000_u32.to_le_bytes(), &[2, 0, 16, 0]].concat();
    [&b"RIFF"[..], &size, &format, b"data", &length.to_le_bytes(), &data].concat()
}

fn starter(path: &str) -> String {
    repository().join("starter").join(path).display().to_string()
}

fn minilm() -> Option<(&'static str, String)> {
    Some(("minilm", format!("path = {:?}", real("minilm/model.onnx")?)))
}

fn yolo() -> Option<(&'static str, String)> {
    Some(("yolov8n", format!("path = {:?}", real("yolov8n/yolov8n.onnx")?)))
}
