//! A server whose jobs outlive it: the same folder and configuration over every restart, and a look into the queue's file.

use crate::running::{Running, config};
use crate::support::street;
use rusqlite::Connection;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// What of a server stays when it is killed.
pub struct JobsPlace {
    pub folder: TempDir,
    pub config: PathBuf,
}

/// Leases end soon after a kill, and a job may be killed as often as a test likes. Nothing else is as it is not by default.
const HEAD: &str = "[server]\ndrain_delay_ms = 0\ngrace_ms = 20000\n[plans]\nfolder = \"plans\"\nbackground = false\n";

impl JobsPlace {
    /// With the starter detector as `person`, and further keys of `[jobs]`.
    pub fn new(keys: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let jobs =
            format!("[jobs]\nfolder = \"jobs\"\nlease_s = 1\nbackoff_ms = 100\nfree_bytes_min = \"0KiB\"\n{keys}\n");
        let path = folder.path().join("samovar.toml");
        let model = format!("path = {:?}", street().model.display().to_string());
        std::fs::write(&path, config(&format!("{HEAD}{jobs}"), &[("person", model)])).unwrap();
        Self { folder, config: path }
    }

    /// Starts a server on it and waits until it is ready.
    pub fn start(&self) -> Running {
        let mut server = Running::at(&self.config);
        server.wait_for("ready: 1 of 1");
        server
    }

    /// The queue's file, opened beside whoever uses it.
    pub fn queue(&self) -> Connection {
        let connection = Connection::open(self.folder.path().join("jobs/jobs.sqlite")).unwrap();
        connection.busy_timeout(Duration::from_secs(10)).unwrap();
        connection
    }

    /// Notes every result that is ever recorded, so that a second one of a job is seen.
    pub fn note_results(&self) {
        let notes = "CREATE TABLE noted (id BLOB NOT NULL) STRICT;
            CREATE TRIGGER note AFTER UPDATE OF result ON jobs WHEN NEW.result IS NOT NULL BEGIN
                INSERT INTO noted VALUES (NEW.id);
            END;";
        self.queue().execute_batch(notes).unwrap();
    }

    /// How often a result was recorded, by job.
    pub fn noted(&self) -> BTreeMap<String, u64> {
        let queue = self.queue();
        let mut rows = queue.prepare("SELECT lower(hex(id)), count(*) FROM noted GROUP BY id").unwrap();
        let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get::<_, i64>(1)? as u64))).unwrap();
        rows.map(Result::unwrap).collect()
    }

    pub fn assert_intact(&self) {
        let found: String = self.queue().query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(found, "ok");
    }

    /// The folder of a job.
    pub fn job(&self, id: &str) -> PathBuf {
        self.folder.path().join("jobs/work").join(id)
    }
}

/// Hands a video in; the answer as it is.
pub fn hand_in_any(server: &Running, name: &str, video: &[u8], query: &str) -> String {
    server.request(&format!("POST /v1/jobs?model=person&name={name}{query}"), video)
}

/// Hands a video in, which is accepted.
#[track_caller]
pub fn hand_in(server: &Running, name: &str, video: &[u8]) -> String {
    let answer = hand_in_any(server, name, video, "");
    assert!(answer.starts_with("HTTP/1.1 202"), "{answer}");
    body(&answer)["id"].as_str().unwrap().to_owned()
}

/// What stands below the head of an answer.
#[track_caller]
pub fn body(answer: &str) -> Value {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {head}\n{body}"))
}

/// A job as it stands.
pub fn job(server: &Running, id: &str) -> Value {
    body(&server.request(&format!("GET /v1/jobs/{id}"), b""))
}

/// The job once `is` holds of it.
#[track_caller]
pub fn wait_for(server: &Running, id: &str, what: &str, is: impl Fn(&Value) -> bool) -> Value {
    let begin = Instant::now();
    loop {
        let job = job(server, id);
        if is(&job) {
            return job;
        }
        assert!(begin.elapsed() < Duration::from_secs(120), "{what} does not happen: {job}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

pub fn is_done(job: &Value) -> bool {
    job["state"] == "done"
}

/// Runs with at least that many frames done.
pub fn is_at(frames: u64) -> impl Fn(&Value) -> bool {
    move |job| job["state"] == "running" && job["progress"]["done"].as_u64().unwrap() >= frames
}

/// The numbers of the frames of a job's result, in their order.
pub fn frames(server: &Running, id: &str) -> Vec<u64> {
    let answer = server.request(&format!("GET /v1/jobs/{id}/result?format=jsonl"), b"");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer:.400}");
    let lines = answer.split_once("\r\n\r\n").unwrap().1.lines();
    lines.filter_map(|line| serde_json::from_str::<Value>(line).unwrap()["frame"].as_u64()).collect()
}

/// A video that ffmpeg makes: so many seconds of a test picture, at that many frames a second.
pub fn video(folder: &Path, name: &str, (seconds, rate, size): (u64, u64, &str)) -> Vec<u8> {
    let path = folder.join(name);
    let input = format!("testsrc2=size={size}:rate={rate}:duration={seconds}");
    let made = Command::new("ffmpeg")
        .args(["-v", "error", "-y", "-f", "lavfi", "-i", &input, "-c:v", "libx264", "-preset", "ultrafast"])
        .args(["-pix_fmt", "yuv420p", "-g", "50"])
        .arg(&path)
        .status()
        .unwrap();
    assert!(made.success());
    std::fs::read(path).unwrap()
}

/// The children of a process, by their names.
pub fn children(pid: u32) -> Vec<(u32, String)> {
    let named = |entry: std::fs::DirEntry| {
        let child: u32 = entry.file_name().to_str()?.parse().ok()?;
        let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
        let (name, rest) = stat.split_once('(')?.1.rsplit_once(") ")?;
        let parent: u32 = rest.split(' ').nth(1)?.parse().ok()?;
        (parent == pid && !rest.starts_with('Z')).then(|| (child, name.to_owned()))
    };
    std::fs::read_dir("/proc").unwrap().filter_map(|entry| named(entry.ok()?)).collect()
}

/// The decoder of a process, once it has one.
#[track_caller]
pub fn decoder(pid: u32) -> u32 {
    let begin = Instant::now();
    loop {
        if let Some((child, _)) = children(pid).into_iter().find(|(_, name)| name.contains("ffmpeg")) {
            return child;
        }
        assert!(begin.elapsed() < Duration::from_secs(30), "it decodes nothing");
        std::thread::sleep(Duration::from_millis(5));
    }
}

pub fn signal(pid: u32, name: &str) {
    // What has ended by itself cannot be signalled, and need not.
    let _ = Command::new("kill").args(["-s", name, &pid.to_string()]).status().unwrap();
}
