//! Queues in folders of their own, and times without a clock.

use samovar_jobs::{
    Attempted, Job, JobError, JobErrorKind, JobFailure, JobId, JobPolicy, JobQueue, JobTime, Lease, SqliteQueue,
    Submission,
};
use std::future::Future;
use std::path::PathBuf;
use std::time::Duration;
use tempfile::TempDir;

/// A queue in a folder that goes with it.
pub struct Place {
    pub folder: TempDir,
    pub policy: JobPolicy,
}

impl Place {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), policy: policy() }
    }

    pub fn file(&self) -> PathBuf {
        self.folder.path().join("jobs.sqlite")
    }

    pub fn open(&self) -> SqliteQueue {
        SqliteQueue::open(&self.file(), self.policy.clone()).unwrap()
    }
}

/// 3 attempts, 30 s of lease, 1 s to 8 s of backoff.
pub fn policy() -> JobPolicy {
    JobPolicy {
        jobs_max: 1_000,
        owner_jobs_max: 1_000,
        attempts_max: 3,
        backoff_max: Duration::from_secs(8),
        retention: Duration::from_secs(3_600),
        finished_max: 1_000,
        ..JobPolicy::default()
    }
}

/// A name that is the same in every run.
pub fn id(number: u64) -> JobId {
    JobId::parse(&format!("{number:032x}")).unwrap()
}

pub fn submission(number: u64, owner: &str) -> Submission {
    Submission {
        id: id(number),
        kind: "detect".to_owned(),
        owner: owner.to_owned(),
        payload: format!("{{\"number\":{number}}}"),
        priority: 5,
        idempotency_key: None,
    }
}

pub fn failure(code: &str) -> JobFailure {
    JobFailure { code: code.to_owned(), message: "the video cannot be read: look at the file".to_owned() }
}

/// A second of the time of tests.
pub fn at(second: u64) -> JobTime {
    JobTime(1_000_000 + second * 1_000)
}

pub async fn enqueue(queue: &dyn JobQueue, number: u64, owner: &str, now: JobTime) -> Job {
    queue.enqueue(submission(number, owner), now).await.unwrap().job
}

pub async fn claim(queue: &dyn JobQueue, now: JobTime) -> Lease {
    queue.claim("worker", now).await.unwrap().expect("a job may begin")
}

pub async fn fail(queue: &dyn JobQueue, lease: &Lease, now: JobTime) -> Job {
    queue.fail(lease.key, failure("video_broken"), Attempted::Retry, now).await.unwrap()
}

pub fn kind<T: std::fmt::Debug>(answer: Result<T, JobError>) -> JobErrorKind {
    answer.unwrap_err().kind()
}

/// Runs it where no time passes by itself.
pub fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

/// In memory where the system has such a place: what outlives a process needs no disk.
pub fn quick_folder() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}
