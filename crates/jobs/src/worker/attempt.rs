//! One job in a worker's hands: it runs, its lease is kept alive, it is told to end where it must, and its end is recorded.

use super::WorkerEvent;
use super::settlement::{Settlement, settle};
use super::shared::{Shared, woken};
use crate::{JobContext, JobProgress, JobState, JobTime, Lease, LeaseKey, RunEnd};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::{JoinError, JoinHandle};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, sleep_until};
use tokio_util::sync::CancellationToken;

/// Runs the job of the lease to its end and records it.
pub async fn attempt(shared: Arc<Shared>, lease: Lease, stop: CancellationToken) {
    let running = shared.figures.run();
    let mut hold = Hold::new(&shared, &lease);
    let mut task = Task(spawn(&shared, &lease, hold.context.clone()));
    let end = hold.watch(&mut task.0, &stop).await;
    drop(task);
    match hold.settlement(end) {
        Some(settlement) => settle(&shared, &hold, &settlement, &stop).await,
        None => shared.count(WorkerEvent::LeaseLost),
    }
    drop(running);
}

/// A job that is held, and what is known about that.
pub struct Hold<'a> {
    shared: &'a Shared,
    /// Proves it.
    pub key: LeaseKey,
    /// When it ends unless it is renewed.
    until: JobTime,
    /// What the run is told, and tells.
    pub context: JobContext,
    /// How far the run was when the queue last heard of it, and when that was.
    heard: (JobProgress, Instant),
    /// Why the run was told to end, and since when.
    told: Option<(Why, Instant)>,
}

/// Why a run is told to end. The later ones count more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Why {
    /// The worker ends.
    Stop,
    /// Somebody asked for it.
    Cancel,
    /// Another may have the job now.
    Lost,
}

/// How a run ended, as its task tells.
enum End {
    Ended(RunEnd),
    Panicked,
    /// It was told to end and did not within the grace.
    Overdue,
}

impl<'a> Hold<'a> {
    fn new(shared: &'a Shared, lease: &Lease) -> Self {
        let context = JobContext::new(lease.key.token);
        let heard = (context.progress(), Instant::now());
        Self { shared, key: lease.key, until: lease.until, context, heard, told: None }
    }

    /// Until the run has ended, or has not although it was told to.
    async fn watch(&mut self, task: &mut JoinHandle<RunEnd>, stop: &CancellationToken) -> End {
        let mut heartbeat = every(self.shared.options.heartbeat);
        let (mut look, mut wakes, mut is_woken) = (every(LOOK), self.shared.queue.wakes(), false);
        wakes.mark_unchanged();
        loop {
            let why = self.told.map(|(why, _)| why);
            let overdue = self.told.map_or_else(Instant::now, |(_, since)| since + self.shared.options.grace);
            tokio::select! {
                biased;
                end = &mut *task => return ended(end),
                () = sleep_until(overdue), if why.is_some() => return End::Overdue,
                () = stop.cancelled(), if why.is_none() => self.tell(Why::Stop),
                _ = heartbeat.tick(), if why != Some(Why::Lost) => {
                    if !self.renew().await {
                        heartbeat.reset_after(self.shared.options.heartbeat.min(RETRY));
                    }
                }
                _ = look.tick(), if why < Some(Why::Cancel) => {
                    is_woken = false;
                    self.look().await;
                }
                // What this process commits is heard at once. Further commits do not put the look off.
                () = woken(&mut wakes), if why < Some(Why::Cancel) && !is_woken => {
                    is_woken = true;
                    look.reset_after(LOOK_WOKEN);
                }
            }
        }
    }

    fn tell(&mut self, why: Why) {
        let since = self.told.map_or_else(Instant::now, |(_, since)| since);
        if self.told.is_none_or(|(earlier, _)| earlier < why) {
            self.told = Some((why, since));
        }
        self.context.cancelled.cancel();
    }

    /// False where the store failed, and it is to be tried again soon.
    async fn renew(&mut self) -> bool {
        let progress = self.context.progress();
        self.heard = (progress, Instant::now());
        match self.shared.queue.renew(self.key, progress, self.shared.now()).await {
            Ok(renewed) => {
                self.until = renewed.until;
                if renewed.cancel_asked {
                    self.tell(Why::Cancel);
                }
                true
            }
            Err(error) => {
                if self.shared.is_lost(&error) || self.shared.now() >= self.until {
                    tracing::warn!(%error, code = error.kind().code(), "the lease of a job is lost: its run is ended");
                    self.tell(Why::Lost);
                }
                false
            }
        }
    }

    /// Hears of a cancel long before the next heartbeat: by a read, which costs next to nothing, or along with news to tell.
    async fn look(&mut self) {
        let (progress, since) = self.heard;
        if progress != self.context.progress() && since.elapsed() >= NEWS {
            self.renew().await;
            return;
        }
        match self.shared.queue.get(self.key.id).await {
            Ok(job) if job.cancel_asked => self.tell(Why::Cancel),
            Ok(job) if job.state == JobState::Running => {}
            Ok(_) => drop(self.renew().await),
            Err(error) => {
                if self.shared.is_lost(&error) {
                    self.tell(Why::Lost);
                }
            }
        }
    }

    /// What is to be recorded; nothing where another may have the job now.
    fn settlement(&self, end: End) -> Option<Settlement> {
        let why = self.told.map(|(why, _)| why);
        Some(match (end, why) {
            (_, Some(Why::Lost)) => return None,
            (End::Ended(RunEnd::Done(result)), _) => Settlement::Done(result),
            (End::Panicked, _) => {
                self.shared.count(WorkerEvent::Panicked);
                Settlement::panicked()
            }
            (_, Some(Why::Stop)) => Settlement::GivenBack,
            (End::Ended(RunEnd::Failed(failure, attempted)), _) => Settlement::Failed(failure, attempted),
            (_, Some(Why::Cancel)) => Settlement::Cancelled,
            (End::Ended(RunEnd::Stopped) | End::Overdue, None) => Settlement::stopped(),
        })
    }
}

/// A run that goes on no longer than the one who watches it.
struct Task(JoinHandle<RunEnd>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn spawn(shared: &Arc<Shared>, lease: &Lease, context: JobContext) -> JoinHandle<RunEnd> {
    let (runner, job) = (shared.runner.clone(), lease.job.clone());
    tokio::spawn(async move { runner.run(job, context).await })
}

fn ended(end: Result<RunEnd, JoinError>) -> End {
    match end {
        Ok(end) => End::Ended(end),
        Err(error) => {
            tracing::error!(%error, "the run of a job panicked: the attempt has failed");
            End::Panicked
        }
    }
}

fn every(period: Duration) -> Interval {
    let period = period.max(PERIOD_MIN);
    let mut interval = interval_at(Instant::now() + period, period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}

/// How often a run's cancel is looked for where another process may have asked: it has ended within a second.
const LOOK: Duration = Duration::from_millis(500);
/// How soon it is looked for once something was committed in this process: many commits cost one look.
const LOOK_WOKEN: Duration = Duration::from_millis(20);
/// How often progress is told, where there is any.
const NEWS: Duration = Duration::from_secs(1);
/// When a renewal that the store refused is tried again.
const RETRY: Duration = Duration::from_secs(1);
/// An interval of nothing would never rest.
const PERIOD_MIN: Duration = Duration::from_millis(10);
