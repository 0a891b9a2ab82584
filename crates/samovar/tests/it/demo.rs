//! `samovar demo` as a process: it plays its streams on its own server, and tells what became of every frame.

use crate::support::{Ended, count, has_ffmpeg, samovar};
use futures_util::StreamExt;
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tokio_tungstenite::tungstenite::Message;

/// The built-in engine, which every machine has, a home of its own and a free port.
fn demo(home: &Path, arguments: &[&str]) -> Command {
    let mut command = samovar();
    command.args(["demo", "--json", "--engine", "rten", "--listen", "127.0.0.1:0"]).args(arguments);
    command.env("SAMOVAR_HOME", home);
    // The program is looked for in the home too, which is empty here.
    if let Some(ffmpeg) = std::env::var_os("SAMOVAR_FFMPEG") {
        command.env("SAMOVAR_FFMPEG", ffmpeg);
    }
    command
}

/// A demo that runs until it is told to end; killed when a test fails before that.
struct Running {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Running {
    fn start(home: &Path, arguments: &[&str]) -> Self {
        let mut child = demo(home, arguments).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// Reads what it says until something of that type.
    fn wait_for(&mut self, kind: &str) -> Value {
        let mut said = self.lines.by_ref().map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap());
        said.find(|value| value["type"] == kind).expect("it says so")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn every_frame_of_four_streams_is_accounted_for() {
    if !has_ffmpeg() {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let ended = Ended::from(demo(home.path(), &["--seconds", "3"]).output().unwrap()).without_panic();
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let lines = ended.lines();
    let summary = lines.last().unwrap();
    assert_eq!((&summary["type"], &summary["failures"]), (&"summary".into(), &Value::Array(Vec::new())));
    let streams = summary["streams"].as_array().unwrap();
    assert_eq!(streams.len(), 4);
    let frames = (3.0 * summary["frames_per_s"].as_f64().unwrap()).round() as u64;
    for stream in streams {
        let number = |field: &str| stream[field].as_u64().unwrap();
        assert_eq!((number("sent"), &stream["state"]), (frames, &"ended".into()), "{stream}");
        assert_eq!(number("answered") + number("dropped"), frames, "{stream}");
        assert!(number("answered") > 0 && number("refused") + number("unanswered") == 0, "{stream}");
    }
    let models = summary["models"].as_array().unwrap();
    // Those of segmentation and of speech wait for somebody who asks for them.
    let waits = |name: &str| name.starts_with("starter-segment-") || name == "starter-whisper";
    for model in models.iter().filter(|model| !waits(model["model"].as_str().unwrap())) {
        assert_eq!((&model["state"], &model["loads"], &model["warm_ups"]), (&"ready".into(), &1.into(), &1.into()));
    }
    for used in summary["used"].as_array().unwrap() {
        let used = models.iter().find(|model| model["model"] == *used).unwrap();
        assert_eq!(used["warm_ups_skipped"], 3, "the first stream had it loaded, the others found it warm");
    }
    assert!(summary["total"]["events"]["person.appeared"].as_u64() > Some(0), "{summary}");
}

/// The console looks at streams so.
#[test]
fn a_viewer_sees_the_very_frames_that_were_looked_at() {
    if !has_ffmpeg() {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let mut running = Running::start(home.path(), &["--streams", "2", "--model", "starter-detect"]);
    let started = running.wait_for("started");
    let address = started["url"].as_str().unwrap().strip_prefix("http://").unwrap().to_owned();
    running.wait_for("status");
    let (head, picture) = first_with_a_person(&address);
    assert!(head["stream"]["figures"]["latency_p50_ms"].as_f64().unwrap() > 0.0, "{head}");
    assert!(Command::new("kill").args(["-INT", &running.child.id().to_string()]).status().unwrap().success());
    let summary = running.wait_for("summary");
    assert_eq!(summary["total"]["unanswered"], 0, "{summary}");
    assert_eq!(running.child.wait().unwrap().code(), Some(0));
    let path = home.path().join("shown.jpg");
    std::fs::write(&path, picture).unwrap();
    let mut command = samovar();
    command.args(["run", "detect", "--json", "--engine", "rten", "--model", "starter-detect"]).arg(path);
    let found = Ended::from(command.env("SAMOVAR_HOME", home.path()).output().unwrap()).lines().remove(0);
    assert_eq!(found["detections"], head["result"]["detections"], "the boxes are those of this very picture");
}

/// The newest stream of the server, by name.
fn newest_stream(address: &str) -> String {
    let mut socket = TcpStream::connect(address).unwrap();
    write!(socket, "GET /v1/streams HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    let list: Value = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
    list["data"].as_array().unwrap().last().unwrap()["id"].as_str().unwrap().to_owned()
}

/// The first picture of a stream that a viewer gets with somebody found in it.
fn first_with_a_person(address: &str) -> (Value, Vec<u8>) {
    let url = format!("ws://{address}/v1/streams/{}/view", newest_stream(address));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (mut view, _) = tokio_tungstenite::connect_async(url).await.unwrap();
        let mut next = async || {
            let message = tokio::time::timeout(Duration::from_secs(60), view.next()).await;
            message.expect("the view goes on").unwrap().unwrap()
        };
        for _ in 0..240 {
            let (Message::Text(head), Message::Binary(picture)) = (next().await, next().await) else {
                panic!("a text and a picture are expected");
            };
            let head: Value = serde_json::from_str(&head).unwrap();
            if count(&head["result"], "person") > 0 {
                return (head, picture.to_vec());
            }
        }
        panic!("nobody was found in the whole clip");
    })
}

#[test]
fn what_was_damaged_in_its_own_folder_is_made_anew() {
    if !has_ffmpeg() {
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let play = || Ended::from(demo(home.path(), &["--seconds", "1", "--streams", "1"]).output().unwrap());
    assert_eq!(play().code, 0);
    let unpacked = files(&home.path().join("starter"));
    assert!(unpacked.len() >= 3, "{unpacked:?}");
    for file in &unpacked {
        std::fs::write(file, "damaged").unwrap();
    }
    let ended = play();
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(unpacked.iter().all(|file| std::fs::read(file).unwrap() != b"damaged"));
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[test]
fn what_cannot_be_shown_is_told() {
    let home = tempfile::tempdir().unwrap();
    let clip = home.path().join("words.mp4");
    std::fs::write(&clip, "these are words, and no video at all").unwrap();
    let clip = clip.to_str().unwrap();
    let wrong: [(&[&str], &str); 4] = [
        (&["--clip", clip], "unsupported_media"),
        (&["--clip", "absent.mp4"], "media_unreadable"),
        (&["--model", "absent.onnx"], "model_file_unreadable"),
        (&["--model", clip, "--seconds", "1"], "model_file_damaged"),
    ];
    for (arguments, code) in wrong.into_iter().filter(|_| has_ffmpeg()) {
        let ended = Ended::from(demo(home.path(), arguments).output().unwrap()).without_panic();
        assert_eq!(ended.code, 1, "{arguments:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(&format!("error[{code}]: ")), "{arguments:?}: {}", ended.stderr);
    }
}
