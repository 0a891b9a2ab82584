//! A server that takes jobs on a real queue, and a worker that a test plays itself.

use crate::client::{Answer, get, post_with, raw};
use crate::house::{House, options};
use samovar_jobs::{Job, JobId, JobPolicy, JobProgress, JobQueue, JobState, JobTime, Lease, SqliteQueue};
use samovar_recorded::{
    DetectionRecord, FrameChoice, FrameRecord, ImageRecord, Journal, JournalEnd, JournalHeader, Summary, TaskResult,
    WorkFolder,
};
use samovar_server::{JobSettings, ServerOptions};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A server that takes jobs.
pub(crate) struct JobsHouse {
    pub(crate) house: House,
    pub(crate) queue: Arc<SqliteQueue>,
    /// Where every job has its folder.
    pub(crate) work: PathBuf,
}

/// What begins like a video; nobody here decodes it.
pub(crate) fn video(bytes: usize) -> Vec<u8> {
    let mut video = b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41".to_vec();
    let rest = (video.len()..bytes).map(|at| u8::try_from(at % 251).unwrap());
    video.extend(rest.collect::<Vec<_>>());
    video
}

impl JobsHouse {
    /// With the usual limits, but for the space that must stay free.
    pub(crate) async fn open(place: &Path) -> Self {
        Self::with(place, JobPolicy::default(), options(), |_| {}).await
    }

    /// With others.
    pub(crate) async fn with(
        place: &Path,
        policy: JobPolicy,
        given: ServerOptions,
        change: impl FnOnce(&mut JobSettings),
    ) -> Self {
        let queue = Arc::new(SqliteQueue::open(&place.join("jobs.sqlite"), policy).unwrap());
        let work = place.join("work");
        let mut settings = JobSettings::new(Arc::clone(&queue) as Arc<dyn JobQueue>, &work);
        settings.free_bytes_min = 1 << 20;
        change(&mut settings);
        let house = House::fake_with(ServerOptions { jobs: Some(settings), ..given }, true).await;
        Self { house, queue, work }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        get(self.house.address, path).await
    }

    pub(crate) async fn post(&self, path: &str, headers: &str, body: &[u8]) -> Answer {
        post_with(self.house.address, path, headers, body).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        let address = self.house.address;
        raw(address, format!("DELETE {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n").as_bytes()).await
    }

    /// Sends a video along and tells the job's name.
    pub(crate) async fn submit(&self) -> JobId {
        let answer = self.post("/v1/jobs?name=walk.mp4", "", &video(1_000)).await;
        assert_eq!(answer.status, 202, "{}", answer.text());
        id(&answer)
    }

    pub(crate) async fn job(&self, id: JobId) -> Job {
        self.queue.get(id).await.unwrap()
    }

    /// Takes the next job as a worker would.
    pub(crate) async fn claim(&self) -> Lease {
        self.queue.claim("test", JobTime::now()).await.unwrap().expect("a job waits")
    }

    pub(crate) async fn renew(&self, lease: &Lease, done: u64, total: u64) {
        let progress = JobProgress { done, total: Some(total) };
        self.queue.renew(lease.key, progress, JobTime::now()).await.unwrap();
    }

    /// Writes a journal and a report, and records the result.
    pub(crate) async fn complete(&self, lease: &Lease) {
        let folder = WorkFolder::new(&self.work, &lease.key.id.to_string());
        let result = finish(&folder, lease.key.token);
        self.queue.complete(lease.key, result, JobTime::now()).await.unwrap();
        assert_eq!(self.job(lease.key.id).await.state, JobState::Done);
    }

    /// Names of everything in the folder of all jobs.
    pub(crate) fn folders(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.work).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// Waits until no folders but these are left.
    pub(crate) async fn until_folders(&self, names: &[String]) {
        let reached = async {
            while self.folders() != names {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        };
        let reached = tokio::time::timeout(crate::client::PATIENCE, reached).await;
        assert!(reached.is_ok(), "there are {:?}", self.folders());
    }
}

/// The name that an answer tells.
pub(crate) fn id(answer: &Answer) -> JobId {
    JobId::parse(answer.json()["id"].as_str().unwrap()).unwrap()
}

/// A refusal, by its status and code.
#[track_caller]
pub(crate) fn refused(answer: &Answer, status: u16, code: &str) {
    assert_eq!(answer.status, status, "{}", answer.text());
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    let problem = answer.json();
    assert_eq!((&problem["code"], &problem["status"]), (&code.into(), &status.into()), "{problem}");
    let waits = matches!(status, 429 | 503);
    assert_eq!(answer.header("retry-after").is_some(), waits, "{}", answer.head);
}

/// A form with these fields: name, name of the file, content.
pub(crate) fn form(fields: &[(&str, &str, &[u8])]) -> (String, Vec<u8>) {
    let mut body = Vec::new();
    for (name, file, content) in fields {
        let file = if file.is_empty() { String::new() } else { format!("; filename=\"{file}\"") };
        body.extend_from_slice(
            format!("--b\r\ncontent-disposition: form-data; name=\"{name}\"{file}\r\n\r\n").as_bytes(),
        );
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--b--\r\n");
    ("content-type: multipart/form-data; boundary=b\r\n".to_owned(), body)
}

/// Writes what a runner would: the journal of that attempt, a report, a small picture, and files that the result does not name.
pub(crate) fn finish(folder: &WorkFolder, token: u64) -> String {
    let frames = 10;
    let header = JournalHeader {
        input: "walk.mp4".to_owned(),
        source: None,
        model: "fake".to_owned(),
        fingerprint: "f".to_owned(),
        engine: "fake".to_owned(),
        precision: "f32".to_owned(),
        labels: vec!["cat".to_owned(), "dog".to_owned()],
        options: json!({}),
        choice: FrameChoice::default(),
    };
    let mut journal = Journal::create(&folder.journal(token), &header).unwrap();
    let mut summary = Summary::default();
    for frame in 0..frames {
        let record = record(frame);
        summary.add(&record);
        journal.add(&record).unwrap();
    }
    let end = JournalEnd { frames, end: "complete".to_owned(), damaged_at_ms: None, summary, performance: Value::Null };
    journal.finish(&end).unwrap();
    std::fs::write(folder.report(), "<!doctype html><title>walk.mp4</title>").unwrap();
    std::fs::write(folder.thumbnail(1), b"\xff\xd8\xff\xd9").unwrap();
    let journal = format!("journal-{token}.jsonl");
    let artifacts = vec!["report.html".to_owned(), "thumbnail-1.jpg".to_owned()];
    serde_json::to_string(&TaskResult { journal, end, artifacts, outputs_failed: BTreeMap::new() }).unwrap()
}

fn record(frame: u64) -> FrameRecord {
    let left = frame as f32;
    let dog = DetectionRecord {
        class_id: 1,
        label: "dog".into(),
        score: 0.5,
        corners: [left, 1.0, left + 8.0, 12.0],
        track: None,
    };
    FrameRecord {
        frame,
        timestamp_ms: frame as f64 * 40.0,
        image: ImageRecord { width: 64, height: 48 },
        detections: vec![dog],
        timings: None,
    }
}
