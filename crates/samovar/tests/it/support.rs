//! Running the program, and finding the real models and media.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The program with an environment of its own, so that nothing on this machine configures it.
pub fn samovar() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_samovar"));
    command.env_remove("SAMOVAR_CONFIG").env_remove("RUST_LOG").env_remove("RUST_BACKTRACE").stdin(Stdio::null());
    command.current_dir(std::env::temp_dir());
    command
}

/// What it said and how it ended.
pub struct Ended {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

/// Runs it to its end.
pub fn run<I: IntoIterator<Item = A>, A: AsRef<std::ffi::OsStr>>(arguments: I) -> Ended {
    samovar().args(arguments).output().expect("the program runs").into()
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("it prints UTF-8");
        // No exit code means that a signal ended it: a crash.
        Self { code: output.status.code().unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

impl Ended {
    /// Every line of stdout as JSON.
    pub fn lines(&self) -> Vec<Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
    }

    /// Fails the test where the program panicked.
    #[track_caller]
    pub fn without_panic(self) -> Self {
        assert!(!self.stderr.contains("a fault in the program") && self.code != -1, "{}", self.stderr);
        self
    }
}

/// What ships with Samovar: a detector, a drawn street, and how many people are on it, all of whom it finds with a score
/// above 0.5.
pub struct Street {
    pub model: PathBuf,
    pub picture: PathBuf,
    pub persons: usize,
    /// Twenty seconds of it.
    pub clip: PathBuf,
}

/// A file of what ships with Samovar.
pub fn shipped(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../starter").join(path).canonicalize().expect("it is shipped")
}

/// The starter detector, a still of the street with its truth, and the clip.
pub fn street() -> Street {
    let starter = shipped("");
    let truth = std::fs::read(starter.join("samples/stills.json")).expect("it is shipped");
    let truth: Value = serde_json::from_slice(&truth).expect("it is JSON");
    let still = &truth["stills"][2];
    Street {
        model: starter.join("models/starter-detect.onnx"),
        picture: starter.join("samples").join(still["file"].as_str().expect("a still has a file")),
        persons: still["people"].as_array().expect("a still has people").len(),
        clip: starter.join("samples/street.mp4"),
    }
}

/// A file of the real models and media; none, with a word about it, where they are absent.
pub fn real(path: &str) -> Option<PathBuf> {
    let default = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/models");
    let root = std::env::var_os("SAMOVAR_TEST_MODELS").map_or_else(default, PathBuf::from);
    let found = root.join(path);
    if found.exists() {
        return Some(found.canonicalize().expect("it exists"));
    }
    assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "{path} is absent, and CI needs it");
    println!("skipped: {path} is absent");
    None
}

/// Whether there is an ffmpeg; where not, says so.
pub fn has_ffmpeg() -> bool {
    let found = run(["doctor", "--json"]);
    let report: Value = serde_json::from_str(&found.stdout).expect("the doctor's report");
    let ffmpeg = report["findings"].as_array().expect("findings").iter().find(|one| one["subject"] == "ffmpeg");
    let ok = ffmpeg.is_some_and(|finding| finding["detail"].as_str().is_some_and(|detail| detail.contains('/')));
    if !ok {
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "ffmpeg is absent, and CI needs it");
        println!("skipped: there is no ffmpeg");
    }
    ok
}

/// How many of each label a record holds, as `person 4, bus 1` in the order of the labels asked for.
pub fn count(record: &Value, label: &str) -> usize {
    record["detections"].as_array().expect("detections").iter().filter(|found| found["label"] == label).count()
}
