//! Random histories of several workers and clients on one file, held against the model after every step. The same seed is the same
//! history: a seed that is found to fail is added to `FOUND`.

use crate::model::Model;
use crate::random::Random;
use crate::support::{at, failure, id, policy, quick_folder, run, submission};
use samovar_jobs::{
    Attempted, JobError, JobErrorKind, JobFilter, JobPolicy, JobProgress, JobQueue, JobTime, LeaseKey, SqliteQueue,
    Submission,
};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

#[test]
fn random_histories_are_what_the_model_says() {
    let asked = std::env::var("SAMOVAR_JOBS_SEEDS").ok().and_then(|seeds| seeds.parse().ok());
    let seeds: u64 = asked.unwrap_or(SEEDS);
    for seed in (0..seeds).chain(FOUND) {
        run(history(seed));
    }
}

async fn history(seed: u64) {
    let mut world = World::new(seed);
    for step in 0..STEPS {
        world.now = world.now.after(Duration::from_millis(world.random.below(3) * world.random.below(8_000)));
        let what = world.random.below(100);
        world.step(what).await;
        world.compare(&format!("seed {seed}, step {step}, act {what}")).await;
    }
}

/// One file, two processes' worth of queues on it, and the leases that its workers believe to hold.
struct World {
    random: Random,
    now: JobTime,
    folder: TempDir,
    files: u32,
    queues: [SqliteQueue; 2],
    model: Model,
    /// Some of them lost long ago.
    leases: Vec<LeaseKey>,
    numbers: u64,
}

impl World {
    fn new(seed: u64) -> Self {
        let folder = quick_folder();
        let queues = open(&file(folder.path(), 0));
        Self {
            random: Random(seed),
            now: at(0),
            folder,
            files: 0,
            queues,
            model: Model::new(bounds()),
            leases: Vec::new(),
            numbers: 0,
        }
    }

    async fn step(&mut self, what: u64) {
        match what {
            0..25 => self.enqueue().await,
            25..45 => self.claim().await,
            45..53 => self.renew().await,
            53..63 => self.complete().await,
            63..72 => self.fail().await,
            72..76 => self.give_back().await,
            76..79 => self.cancelled().await,
            79..84 => self.cancel().await,
            84..88 => self.retry().await,
            88..90 => self.delete().await,
            90..95 => self.sweep().await,
            95..98 => self.burst().await,
            _ => self.crash(),
        }
    }

    fn queue(&mut self) -> SqliteQueue {
        self.random.of(&self.queues).unwrap().clone()
    }

    fn submission(&mut self) -> Submission {
        self.numbers += 1;
        let owner = ["a", "b", "c"][usize::try_from(self.random.below(3)).unwrap()];
        let mut new =
            Submission { priority: [1, 5][usize::from(self.random.below(4) > 0)], ..submission(self.numbers, owner) };
        if self.random.below(4) == 0 {
            new.idempotency_key = Some(format!("key {}", self.random.below(6)));
            new.payload = format!("{}", self.random.below(8) == 0);
        }
        new
    }

    async fn enqueue(&mut self) {
        let (queue, new) = (self.queue(), self.submission());
        let told = queue.enqueue(new.clone(), self.now).await;
        let expected = self.model.enqueue(&new, self.now);
        assert_eq!(told.map(|told| (told.job.id, told.existed)).map_err(|error| error.kind()), expected);
    }

    async fn claim(&mut self) {
        let lease = self.queue().claim("worker", self.now).await.unwrap();
        self.model.claimed(lease.as_ref(), self.now);
        self.leases.extend(lease.map(|lease| lease.key));
    }

    async fn renew(&mut self) {
        let Some(key) = self.lease() else { return };
        let progress = JobProgress { done: self.random.below(100), total: None };
        let told = self.queue().renew(key, progress, self.now).await;
        assert_eq!(same(told.map(|told| told.cancel_asked)), self.model.renew(key, self.now));
    }

    async fn complete(&mut self) {
        let Some(key) = self.lease() else { return };
        let result = format!("{}", key.token);
        let told = self.queue().complete(key, result.clone(), self.now).await;
        assert_eq!(same(told), self.model.complete(key, &result, self.now));
    }

    async fn fail(&mut self) {
        let Some(key) = self.lease() else { return };
        let never = self.random.below(5) == 0;
        let attempted = if never { Attempted::Never } else { Attempted::Retry };
        let told = self.queue().fail(key, failure("video_broken"), attempted, self.now).await;
        assert_eq!(self.model.fail(key, never, self.now, told.as_ref().ok()), same(told.map(drop)));
    }

    async fn give_back(&mut self) {
        let Some(key) = self.lease() else { return };
        let told = self.queue().give_back(key, self.now).await;
        assert_eq!(same(told), self.model.give_back(key, self.now));
    }

    async fn cancelled(&mut self) {
        let Some(key) = self.lease() else { return };
        let told = self.queue().cancelled(key, self.now).await;
        assert_eq!(same(told), self.model.cancelled(key, self.now));
    }

    async fn cancel(&mut self) {
        let id = id(1 + self.random.below(self.numbers + 1));
        let told = self.queue().cancel(id, self.now).await;
        assert_eq!(same(told.map(drop)), self.model.cancel(id, self.now));
    }

    async fn retry(&mut self) {
        let id = id(1 + self.random.below(self.numbers + 1));
        let told = self.queue().retry(id, self.now).await;
        assert_eq!(same(told.map(drop)), self.model.retry(id, self.now));
    }

    async fn delete(&mut self) {
        let id = id(1 + self.random.below(self.numbers + 1));
        let told = self.queue().delete(id).await;
        assert_eq!(same(told), self.model.delete(id));
    }

    async fn sweep(&mut self) {
        let swept = self.queue().sweep(self.now).await.unwrap();
        self.model.swept(&swept.expired, &swept.forgotten, self.now);
    }

    /// Several at once: they go into one transaction, in the order in which they came.
    async fn burst(&mut self) {
        let (queue, now) = (self.queue(), self.now);
        let (first, second) = (self.submission(), self.submission());
        let told = tokio::join!(
            queue.enqueue(first.clone(), now),
            queue.claim("worker", now),
            queue.enqueue(second.clone(), now),
            queue.claim("worker", now)
        );
        assert_eq!(same(told.0.map(|told| (told.job.id, told.existed))), self.model.enqueue(&first, now));
        self.model.claimed(told.1.as_ref().unwrap().as_ref(), now);
        assert_eq!(same(told.2.map(|told| (told.job.id, told.existed))), self.model.enqueue(&second, now));
        self.model.claimed(told.3.as_ref().unwrap().as_ref(), now);
        self.leases.extend([told.1, told.3].into_iter().filter_map(|told| told.unwrap()).map(|lease| lease.key));
    }

    /// What a killed process leaves: the file and its log as they are, and no shared index.
    fn crash(&mut self) {
        let from = file(self.folder.path(), self.files);
        self.files += 1;
        let to = file(self.folder.path(), self.files);
        std::fs::copy(&from, &to).unwrap();
        let log = |file: &Path| file.with_extension("sqlite-wal");
        if log(&from).exists() {
            std::fs::copy(log(&from), log(&to)).unwrap();
        }
        self.queues = open(&to);
    }

    /// Mostly one of the newest, sometimes one of long ago.
    fn lease(&mut self) -> Option<LeaseKey> {
        let newest = self.leases.len().saturating_sub(4);
        let from = if self.random.below(4) == 0 { 0 } else { newest };
        self.random.of(&self.leases[from..]).copied()
    }

    async fn compare(&mut self, step: &str) {
        let queue = self.queue();
        let all = queue.list(JobFilter { limit: 1_000, ..JobFilter::default() }).await.unwrap();
        let counts = queue.counts(self.now).await.unwrap();
        let compared = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.model.compare(&all, &counts)));
        assert!(compared.is_ok(), "{step}");
    }
}

fn bounds() -> JobPolicy {
    JobPolicy { jobs_max: 12, owner_jobs_max: 8, finished_max: 10, retention: Duration::from_secs(300), ..policy() }
}

fn open(file: &Path) -> [SqliteQueue; 2] {
    [(); 2].map(|()| SqliteQueue::open(file, bounds()).unwrap())
}

fn file(folder: &Path, number: u32) -> PathBuf {
    folder.join(format!("{number}.sqlite"))
}

fn same<T>(told: Result<T, JobError>) -> Result<T, JobErrorKind> {
    told.map_err(|error| error.kind())
}

/// Histories in every test run; `SAMOVAR_JOBS_SEEDS` asks for more.
const SEEDS: u64 = 200;
/// Steps of one history.
const STEPS: u32 = 150;
/// Seeds above [`SEEDS`] that once found a fault.
const FOUND: [u64; 0] = [];
