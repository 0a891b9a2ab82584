//! The one connection that writes, and the leader who runs what waits for it.
//!
//! There is no thread that waits for work: the first request finds no leader and starts one on the blocking pool, which ends when
//! nothing waits. What arrives while a commit is under way goes together into the next one.

use super::checkpoints::Checkpoints;
use super::fault::{busy, failed, fault};
use super::request::{Asked, Request};
use crate::JobError;
use parking_lot::Mutex;
use rusqlite::{Connection, Transaction, TransactionBehavior};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, oneshot, watch};

/// The one connection that writes.
#[derive(Clone)]
pub struct Writer {
    shared: Arc<Shared>,
    places: Arc<Semaphore>,
    busy_max: Duration,
}

struct Shared {
    waiting: Mutex<Waiting>,
    /// Locked by the leader alone.
    connection: Mutex<Connection>,
    checkpoints: Arc<Checkpoints>,
    /// Raised with every commit that changed something.
    commits: watch::Sender<u64>,
}

#[derive(Default)]
struct Waiting {
    requests: VecDeque<Box<dyn Request>>,
    led: bool,
}

impl Writer {
    /// Writes through that connection.
    pub fn new(connection: Connection, checkpoints: Arc<Checkpoints>, busy_max: Duration) -> Self {
        let shared = Shared {
            waiting: Mutex::default(),
            connection: Mutex::new(connection),
            checkpoints,
            commits: watch::channel(0).0,
        };
        Self { shared: Arc::new(shared), places: Arc::new(Semaphore::new(WAITING_MAX)), busy_max }
    }

    /// Hears of every commit that changed something.
    pub fn commits(&self) -> watch::Receiver<u64> {
        self.shared.commits.subscribe()
    }

    /// Runs `work` in a transaction and answers after the commit. `work` changes nothing before it refuses.
    pub async fn write<T, F>(&self, work: F) -> Result<T, JobError>
    where
        T: Send + 'static,
        F: FnMut(&Connection) -> Result<T, JobError> + Send + 'static,
    {
        let place = tokio::time::timeout(self.busy_max, self.places.clone().acquire_owned()).await;
        let place = place.map_err(|_| busy())?.map_err(|_| failed())?;
        let (reply, answer) = oneshot::channel();
        let until = Instant::now() + self.busy_max;
        self.lead(Box::new(Asked { work, found: None, reply, until, place }));
        // The limit is for a disk that hangs inside `fsync`: only then is it unknown whether the write was done.
        let answer = tokio::time::timeout(2 * self.busy_max + HANG_MAX, answer).await;
        answer.map_err(|_| failed())?.map_err(|_| failed())?
    }

    fn lead(&self, request: Box<dyn Request>) {
        let mut waiting = self.shared.waiting.lock();
        waiting.requests.push_back(request);
        if !std::mem::replace(&mut waiting.led, true) {
            let leader = Leader { shared: self.shared.clone(), leads: true };
            tokio::task::spawn_blocking(move || leader.run());
        }
    }
}

/// Leads until nothing waits. Where it ends in another way, those who wait hear that no answer comes, and the next may lead.
struct Leader {
    shared: Arc<Shared>,
    leads: bool,
}

impl Leader {
    fn run(mut self) {
        while let Some(group) = self.group() {
            let connection = self.shared.connection.lock();
            let before = connection.total_changes();
            run_group(&connection, group);
            if connection.total_changes() != before {
                self.shared.commits.send_modify(|commits| *commits = commits.wrapping_add(1));
                self.shared.checkpoints.after_commit();
            }
        }
    }

    /// What is to be done next; with none it leads no more.
    fn group(&mut self) -> Option<Vec<Box<dyn Request>>> {
        let mut waiting = self.shared.waiting.lock();
        let count = waiting.requests.len().min(GROUP_MAX);
        self.leads = count > 0;
        waiting.led = self.leads;
        self.leads.then(|| waiting.requests.drain(..count).collect())
    }
}

impl Drop for Leader {
    fn drop(&mut self) {
        if self.leads {
            let mut waiting = self.shared.waiting.lock();
            waiting.led = false;
            waiting.requests.clear();
        }
    }
}

fn run_group(connection: &Connection, group: Vec<Box<dyn Request>>) {
    let (over, mut group): (Vec<_>, Vec<_>) = group.into_iter().partition(|request| request.is_over());
    over.into_iter().for_each(|request| request.answer(Err(busy())));
    match run_together(connection, &mut group) {
        Err(Fall::Within(_)) if group.len() > 1 => group.into_iter().for_each(|request| run_alone(connection, request)),
        Err(Fall::Within(error) | Fall::Begin(error)) => answer(group, &Err(error)),
        Ok(()) => answer(group, &Ok(())),
    }
}

/// One that the store refuses, as when its bytes do not fit any more, must not take the others with it.
fn run_alone(connection: &Connection, request: Box<dyn Request>) {
    let mut group = vec![request];
    let outcome = run_together(connection, &mut group).map_err(|(Fall::Begin(error) | Fall::Within(error))| error);
    answer(group, &outcome);
}

fn run_together(connection: &Connection, group: &mut [Box<dyn Request>]) -> Result<(), Fall> {
    if group.is_empty() {
        return Ok(());
    }
    let begun = Transaction::new_unchecked(connection, TransactionBehavior::Immediate);
    let transaction = begun.map_err(|error| Fall::Begin(fault(error)))?;
    for request in group {
        request.run(&transaction).map_err(Fall::Within)?;
    }
    transaction.commit().map_err(|error| Fall::Within(fault(error)))
}

fn answer(group: Vec<Box<dyn Request>>, outcome: &Result<(), JobError>) {
    group.into_iter().for_each(|request| request.answer(outcome.clone()));
}

/// Where a transaction came to nothing.
enum Fall {
    /// It could not begin: another process writes for too long.
    Begin(JobError),
    /// One of its requests or its commit failed: everything was rolled back.
    Within(JobError),
}

/// Writes that may wait; more wait for a place.
const WAITING_MAX: usize = 1_024;
/// Writes in one transaction.
const GROUP_MAX: usize = 64;
/// How long the disk may take for a commit before the caller gives up on its answer.
const HANG_MAX: Duration = Duration::from_secs(20);
