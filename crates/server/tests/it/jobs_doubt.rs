//! A queue that commits and whose answer does not come, as where a disk hangs.

use crate::house::{House, options};
use crate::jobs_house::{id, refused, video};
use samovar_jobs::{
    Attempted, Enqueued, Job, JobCounts, JobError, JobErrorKind, JobFailure, JobFilter, JobFuture, JobId, JobPolicy,
    JobProgress, JobQueue, JobTime, Lease, LeaseKey, Renewed, SqliteQueue, Submission, Swept,
};
use samovar_server::{JobSettings, ServerOptions};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::watch;

/// Loses the answer to the first job.
struct Lossy {
    queue: SqliteQueue,
    lost: AtomicBool,
}

impl JobQueue for Lossy {
    fn enqueue(&self, submission: Submission, now: JobTime) -> JobFuture<'_, Enqueued> {
        Box::pin(async move {
            let enqueued = self.queue.enqueue(submission, now).await?;
            match self.lost.swap(true, Ordering::Relaxed) {
                true => Ok(enqueued),
                false => Err(JobError::new(JobErrorKind::Storage, "no answer came: try again later")),
            }
        })
    }

    fn admits(&self, owner: &str, idempotency_key: Option<&str>) -> JobFuture<'_, ()> {
        self.queue.admits(owner, idempotency_key)
    }

    fn claim(&self, worker: &str, now: JobTime) -> JobFuture<'_, Option<Lease>> {
        self.queue.claim(worker, now)
    }

    fn renew(&self, lease: LeaseKey, progress: JobProgress, now: JobTime) -> JobFuture<'_, Renewed> {
        self.queue.renew(lease, progress, now)
    }

    fn complete(&self, lease: LeaseKey, result: String, now: JobTime) -> JobFuture<'_, ()> {
        self.queue.complete(lease, result, now)
    }

    fn fail(&self, lease: LeaseKey, failure: JobFailure, attempted: Attempted, now: JobTime) -> JobFuture<'_, Job> {
        self.queue.fail(lease, failure, attempted, now)
    }

    fn give_back(&self, lease: LeaseKey, now: JobTime) -> JobFuture<'_, ()> {
        self.queue.give_back(lease, now)
    }

    fn cancelled(&self, lease: LeaseKey, now: JobTime) -> JobFuture<'_, ()> {
        self.queue.cancelled(lease, now)
    }

    fn cancel(&self, id: JobId, now: JobTime) -> JobFuture<'_, Job> {
        self.queue.cancel(id, now)
    }

    fn retry(&self, id: JobId, now: JobTime) -> JobFuture<'_, Job> {
        self.queue.retry(id, now)
    }

    fn delete(&self, id: JobId) -> JobFuture<'_, ()> {
        self.queue.delete(id)
    }

    fn get(&self, id: JobId) -> JobFuture<'_, Job> {
        self.queue.get(id)
    }

    fn list(&self, filter: JobFilter) -> JobFuture<'_, Vec<Job>> {
        self.queue.list(filter)
    }

    fn changes(&self, after: u64, limit: usize) -> JobFuture<'_, Vec<Job>> {
        self.queue.changes(after, limit)
    }

    fn counts(&self, now: JobTime) -> JobFuture<'_, JobCounts> {
        self.queue.counts(now)
    }

    fn sweep(&self, now: JobTime) -> JobFuture<'_, Swept> {
        self.queue.sweep(now)
    }

    fn wakes(&self) -> watch::Receiver<u64> {
        self.queue.wakes()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_whose_commit_was_not_told_still_has_its_video_when_it_is_handed_in_again() {
    let place = tempfile::tempdir().unwrap();
    let queue = SqliteQueue::open(&place.path().join("jobs.sqlite"), JobPolicy::default()).unwrap();
    let work = place.path().join("work");
    let lossy = Arc::new(Lossy { queue, lost: AtomicBool::new(false) });
    let settings = JobSettings { free_bytes_min: 1 << 20, ..JobSettings::new(lossy, &work) };
    let house = House::fake_with(ServerOptions { jobs: Some(settings), ..options() }, true).await;
    let hand_in =
        async || crate::client::post_with(house.address, "/v1/jobs", "idempotency-key: k\r\n", &video(1_000)).await;
    refused(&hand_in().await, 503, "storage_failed");
    let again = hand_in().await;
    assert_eq!(again.status, 200, "{}", again.text());
    let stored = work.join(id(&again).to_string()).join("upload");
    // What is removed is removed on another thread: the folder of the second hand-in shows that it has run.
    while work.read_dir().unwrap().count() > 1 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    assert_eq!(std::fs::read(stored).unwrap(), video(1_000));
}
