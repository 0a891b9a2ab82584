//! Clients that hand in, take and finish jobs at once on a queue that many jobs wait in already; every call is timed.

use samovar_jobs::{
    JobCounts, JobError, JobFilter, JobId, JobPolicy, JobQueue, JobTime, LeaseKey, SqliteQueue, Submission,
};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;
use tokio::task::JoinSet;

/// Every call's time, in milliseconds.
#[derive(Debug, Default)]
pub struct Times {
    /// Handing a job in, until its commit.
    pub enqueue_ms: Vec<f64>,
    /// Taking the next.
    pub claim_ms: Vec<f64>,
    /// Recording a result.
    pub complete_ms: Vec<f64>,
    /// Counting all, and listing one owner's newest.
    pub read_ms: Vec<f64>,
    /// Handing in all those that wait, 64 clients at once: jobs a second.
    pub fill_per_second: f64,
}

/// How much is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// Jobs that wait already.
    pub jobs: usize,
    /// Clients at the same time.
    pub clients: usize,
    /// Calls of each kind of each client.
    pub calls: usize,
}

/// Measures a new queue in that file.
///
/// # Errors
/// Those of the queue.
pub async fn measure(file: &Path, load: Load) -> Result<Times, JobError> {
    let policy = JobPolicy { jobs_max: u64::MAX, owner_jobs_max: u64::MAX, ..JobPolicy::default() };
    let queue = Arc::new(SqliteQueue::open(file, policy)?);
    let began = Instant::now();
    let filled = at_once(FILL_CLIENTS, &queue, move |queue, client| fill(queue, client, load.jobs)).await?;
    let fill_per_second = filled.concat().len() as f64 / began.elapsed().as_secs_f64();
    let enqueue_ms =
        at_once(load.clients, &queue, move |queue, client| enqueue(queue, client, load.calls)).await?.concat();
    let claimed = at_once(load.clients, &queue, move |queue, _| claim(queue, load.calls)).await?;
    let (claim_ms, held): (Vec<_>, Vec<_>) = claimed.into_iter().flatten().unzip();
    let read_ms = at_once(load.clients, &queue, move |queue, client| read(queue, client, load.calls)).await?.concat();
    let held = Arc::new(held);
    let complete_ms = at_once(load.clients, &queue, move |queue, client| {
        let own = held.iter().skip(client).step_by(load.clients).copied().collect();
        complete(queue, own)
    });
    Ok(Times { enqueue_ms, claim_ms, complete_ms: complete_ms.await?.concat(), read_ms, fill_per_second })
}

/// The answers of `clients` tasks that work at the same time.
async fn at_once<T, F, W>(clients: usize, queue: &Arc<SqliteQueue>, work: F) -> Result<Vec<Vec<T>>, JobError>
where
    T: Send + 'static,
    F: Fn(Arc<SqliteQueue>, usize) -> W,
    W: Future<Output = Result<Vec<T>, JobError>> + Send + 'static,
{
    let tasks: JoinSet<_> = (0..clients).map(|client| work(queue.clone(), client)).collect();
    tasks.join_all().await.into_iter().collect()
}

/// This client's part of the jobs that wait, of 100 owners and four priorities.
async fn fill(queue: Arc<SqliteQueue>, client: usize, jobs: usize) -> Result<Vec<()>, JobError> {
    let mut filled = Vec::new();
    for number in (client..jobs).step_by(FILL_CLIENTS) {
        queue.enqueue(submission(number), JobTime::now()).await?;
        filled.push(());
    }
    Ok(filled)
}

async fn enqueue(queue: Arc<SqliteQueue>, client: usize, calls: usize) -> Result<Vec<f64>, JobError> {
    let mut times = Vec::new();
    for call in 0..calls {
        let began = Instant::now();
        queue.enqueue(submission(client * calls + call), JobTime::now()).await?;
        times.push(since_ms(began));
    }
    Ok(times)
}

async fn claim(queue: Arc<SqliteQueue>, calls: usize) -> Result<Vec<(f64, LeaseKey)>, JobError> {
    let mut times = Vec::new();
    for _ in 0..calls {
        let began = Instant::now();
        let Some(lease) = queue.claim("bench", JobTime::now()).await? else { break };
        times.push((since_ms(began), lease.key));
    }
    Ok(times)
}

async fn complete(queue: Arc<SqliteQueue>, held: Vec<LeaseKey>) -> Result<Vec<f64>, JobError> {
    let mut times = Vec::new();
    for lease in held {
        let began = Instant::now();
        queue.complete(lease, "{\"frames\":1000,\"objects\":5000}".to_owned(), JobTime::now()).await?;
        times.push(since_ms(began));
    }
    Ok(times)
}

async fn read(queue: Arc<SqliteQueue>, client: usize, calls: usize) -> Result<Vec<f64>, JobError> {
    let mut times = Vec::new();
    for _ in 0..calls {
        let began = Instant::now();
        let _: JobCounts = queue.counts(JobTime::now()).await?;
        let filter = JobFilter { owner: Some(owner(client)), limit: 20, ..JobFilter::default() };
        queue.list(filter).await?;
        times.push(since_ms(began));
    }
    Ok(times)
}

fn submission(number: usize) -> Submission {
    Submission {
        id: JobId::random(),
        kind: "detect".to_owned(),
        owner: owner(number),
        payload: format!(
            "{{\"input\":{{\"path\":\"videos/{number}.mp4\"}},\"model\":\"yolov8n\",\"frames\":{{\"every\":1}}}}"
        ),
        priority: [1, 3, 5, 7][number % 4],
        idempotency_key: None,
    }
}

fn owner(number: usize) -> String {
    format!("client {}", number % OWNERS)
}

fn since_ms(began: Instant) -> f64 {
    began.elapsed().as_secs_f64() * 1e3
}

/// Clients that hand in what waits.
const FILL_CLIENTS: usize = 64;
/// Who hands in.
const OWNERS: usize = 100;
