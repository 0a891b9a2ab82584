//! The worker inside the server: it works on what comes in, tells how far it is, and gives back what it has when the server ends.

use crate::client::PATIENCE;
use crate::house::options;
use crate::jobs_house::{JobsHouse, finish};
use samovar_jobs::{Job, JobContext, JobId, JobPolicy, JobProgress, JobRunner, JobState, RunEnd};
use samovar_recorded::{TaskResult, WorkFolder};
use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// Begins at once, ends when it is let, and writes a real journal.
struct HeldRunner {
    work: PathBuf,
    let_go: Semaphore,
}

impl HeldRunner {
    fn new(place: &Path) -> Arc<Self> {
        Arc::new(Self { work: place.join("work"), let_go: Semaphore::new(0) })
    }
}

impl JobRunner for HeldRunner {
    fn run(&self, job: Job, context: JobContext) -> Pin<Box<dyn Future<Output = RunEnd> + Send + '_>> {
        Box::pin(async move {
            context.tell(JobProgress { done: 1, total: Some(10) });
            tokio::select! {
                _ = self.let_go.acquire() => {
                    RunEnd::Done(finish(&WorkFolder::new(&self.work, &job.id.to_string()), context.token))
                }
                () = context.cancelled.cancelled() => RunEnd::Stopped,
            }
        })
    }

    fn settled(&self, id: JobId, result: &str) {
        let result: TaskResult = serde_json::from_str(result).unwrap();
        WorkFolder::new(&self.work, &id.to_string()).settle(&result.journal).unwrap();
    }

    fn forget(&self, id: JobId) {
        drop(std::fs::remove_dir_all(self.work.join(id.to_string())));
    }
}

async fn with(place: &Path, runner: &Arc<HeldRunner>) -> JobsHouse {
    let runner = Arc::clone(runner);
    JobsHouse::with(place, JobPolicy::default(), options(), |settings| {
        settings.runner = Some(runner);
        settings.worker.poll = Duration::from_millis(20);
        settings.worker.heartbeat = Duration::from_millis(50);
    })
    .await
}

async fn until(jobs: &JobsHouse, id: JobId, reached: impl Fn(&Job) -> bool) -> Job {
    let asked = async {
        loop {
            let job = jobs.job(id).await;
            if reached(&job) {
                return job;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, asked).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_in_is_worked_on_and_counted() {
    let place = tempfile::tempdir().unwrap();
    let runner = HeldRunner::new(place.path());
    let jobs = with(place.path(), &runner).await;
    let id = jobs.submit().await;
    let running = until(&jobs, id, |job| job.progress.done == 1).await;
    assert_eq!((running.state, running.attempts), (JobState::Running, 1));
    let shown = jobs.get(&format!("/v1/jobs/{id}")).await.json();
    assert_eq!(shown["progress"]["share"], 0.1, "{shown}");
    runner.let_go.add_permits(1);
    until(&jobs, id, |job| job.state == JobState::Done).await;
    assert_eq!(jobs.get(&format!("/v1/jobs/{id}/result?format=csv")).await.status, 200);
    jobs.house.until("samovar_job_attempts_total{end=\"done\"}", |count| count == 1.0).await;
    jobs.house.until("samovar_job_attempt_seconds_count{end=\"done\"}", |count| count == 1.0).await;
    jobs.house.until("samovar_job_worker_events_total{event=\"completed\"}", |count| count == 1.0).await;
    while jobs.work.join(id.to_string()).join("upload").exists() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(jobs.delete(&format!("/v1/jobs/{id}")).await.status, 204);
    jobs.until_folders(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_runs_ends_when_somebody_asks() {
    let place = tempfile::tempdir().unwrap();
    let runner = HeldRunner::new(place.path());
    let jobs = with(place.path(), &runner).await;
    let id = jobs.submit().await;
    until(&jobs, id, |job| job.state == JobState::Running).await;
    assert_eq!(jobs.post(&format!("/v1/jobs/{id}/cancel"), "", b"").await.status, 202);
    until(&jobs, id, |job| job.state == JobState::Cancelled).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_ends_gives_back_what_it_has_and_the_next_goes_on() {
    let place = tempfile::tempdir().unwrap();
    let runner = HeldRunner::new(place.path());
    let id = {
        let mut jobs = with(place.path(), &runner).await;
        let id = jobs.submit().await;
        until(&jobs, id, |job| job.state == JobState::Running).await;
        jobs.house.shutdown.drain();
        timeout(PATIENCE, &mut jobs.house.served).await.unwrap().unwrap();
        let given_back = jobs.job(id).await;
        assert_eq!((given_back.state, given_back.attempts), (JobState::Queued, 0), "the attempt does not count");
        id
    };
    runner.let_go.add_permits(1);
    let jobs = with(place.path(), &runner).await;
    until(&jobs, id, |job| job.state == JobState::Done).await;
}
