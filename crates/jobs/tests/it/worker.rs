//! The worker on a real queue, in virtual time: waits take none, and the clock of the jobs is the one of the waits.

use crate::support::{Place, at, enqueue, failure, id, policy};
use parking_lot::Mutex;
use samovar_jobs::{
    Attempted, Job, JobContext, JobId, JobPolicy, JobProgress, JobQueue, JobRunner, JobState, JobTime, RunEnd,
    SqliteLimits, SqliteQueue, Worker, WorkerEvent, WorkerFigures, WorkerOptions,
};
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

/// What a run does.
#[derive(Clone, Copy, Debug)]
enum Act {
    /// Takes so many seconds and succeeds; tells its progress each second; ends at once when told to.
    Work(u64),
    /// The same, and hears nothing.
    Deaf(u64),
    Fail,
    Never,
    Panic,
}

/// Does what it was told for each job, and remembers what it was asked.
#[derive(Default)]
struct Actor {
    acts: Mutex<BTreeMap<JobId, Act>>,
    begun: Mutex<Vec<(JobId, u64)>>,
    forgotten: Mutex<Vec<JobId>>,
    settled: Mutex<Vec<(JobId, String)>>,
}

impl JobRunner for Actor {
    fn run(&self, job: Job, context: JobContext) -> Pin<Box<dyn Future<Output = RunEnd> + Send + '_>> {
        self.begun.lock().push((job.id, context.token));
        let act = self.acts.lock().get(&job.id).copied().unwrap_or(Act::Work(1));
        Box::pin(async move {
            match act {
                Act::Work(seconds) => work(seconds, &context).await,
                Act::Deaf(seconds) => {
                    sleep(Duration::from_secs(seconds)).await;
                    RunEnd::Done("{}".to_owned())
                }
                Act::Fail => RunEnd::Failed(failure("video_broken"), Attempted::Retry),
                Act::Never => RunEnd::Failed(failure("no_video"), Attempted::Never),
                Act::Panic => panic!("this run is to panic"),
            }
        })
    }

    fn settled(&self, id: JobId, result: &str) {
        self.settled.lock().push((id, result.to_owned()));
    }

    fn forget(&self, id: JobId) {
        self.forgotten.lock().push(id);
    }
}

async fn work(seconds: u64, context: &JobContext) -> RunEnd {
    for second in 0..seconds {
        context.tell(JobProgress { done: second, total: Some(seconds) });
        tokio::select! {
            () = context.cancelled.cancelled() => return RunEnd::Stopped,
            () = sleep(Duration::from_secs(1)) => {}
        }
    }
    context.tell(JobProgress { done: seconds, total: Some(seconds) });
    RunEnd::Done("{}".to_owned())
}

/// A worker at work.
struct House {
    place: Place,
    queue: Arc<SqliteQueue>,
    actor: Arc<Actor>,
    clock: Arc<dyn Fn() -> JobTime + Send + Sync>,
    /// Seconds by which the clock was set ahead.
    ahead: Arc<AtomicU64>,
    figures: Arc<WorkerFigures>,
    stop: CancellationToken,
    worker: Option<JoinHandle<()>>,
}

impl House {
    fn open(policy: JobPolicy, jobs_at_once: usize) -> Self {
        Self::with_limits(policy, jobs_at_once, SqliteLimits::default())
    }

    fn with_limits(policy: JobPolicy, jobs_at_once: usize, limits: SqliteLimits) -> Self {
        let place = Place { policy, ..Place::new() };
        let queue = Arc::new(SqliteQueue::open_with(&place.file(), place.policy.clone(), limits).unwrap());
        let began = Instant::now();
        let ahead = Arc::<AtomicU64>::default();
        let leap = ahead.clone();
        let clock: Arc<dyn Fn() -> JobTime + Send + Sync> =
            Arc::new(move || at(leap.load(Ordering::Relaxed)).after(began.elapsed()));
        let actor = Arc::new(Actor::default());
        let worker = Worker::with_clock(queue.clone(), actor.clone(), options(jobs_at_once), clock.clone());
        let (figures, stop) = (worker.figures(), CancellationToken::new());
        let worker = Some(tokio::spawn(worker.run(stop.clone())));
        Self { place, queue, actor, clock, ahead, figures, stop, worker }
    }

    fn now(&self) -> JobTime {
        (self.clock)()
    }

    async fn hand_in(&self, number: u64, act: Act) {
        self.actor.acts.lock().insert(id(number), act);
        enqueue(&*self.queue, number, "a", self.now()).await;
    }

    async fn job(&self, number: u64) -> Job {
        self.queue.get(id(number)).await.unwrap()
    }

    async fn until(&self, number: u64, state: JobState) -> Job {
        for _ in 0..100_000 {
            let job = self.job(number).await;
            if job.state == state {
                return job;
            }
            sleep(Duration::from_millis(10)).await;
        }
        panic!("job {number} never became {}", state.name());
    }

    /// Tells the worker to end; how long it took.
    async fn end(&mut self) -> Duration {
        let began = Instant::now();
        self.stop.cancel();
        self.worker.take().unwrap().await.unwrap();
        began.elapsed()
    }

    fn count(&self, event: WorkerEvent) -> u64 {
        self.figures.count(event)
    }
}

fn options(jobs_at_once: usize) -> WorkerOptions {
    WorkerOptions {
        name: "worker".to_owned(),
        jobs_at_once,
        poll: Duration::from_secs(1),
        heartbeat: Duration::from_secs(10),
        grace: Duration::from_secs(5),
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_longer_than_its_lease_is_kept_alive_and_done_once() {
    let mut house = House::open(policy(), 1);
    house.hand_in(1, Act::Work(100)).await;
    let job = house.until(1, JobState::Done).await;
    assert_eq!((job.attempts, job.progress), (1, JobProgress { done: 100, total: Some(100) }));
    assert!((100..102).contains(&job.created.until(job.ended.unwrap()).as_secs()), "it began at once: {job:?}");
    assert_eq!(house.actor.begun.lock().len(), 1);
    assert!(house.end().await < Duration::from_secs(1));
    assert_eq!((house.count(WorkerEvent::Claimed), house.count(WorkerEvent::Completed)), (1, 1));
    assert_eq!((house.count(WorkerEvent::Expired), house.figures.running()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn as_many_run_at_once_as_may_and_progress_is_told_long_before_the_heartbeat() {
    let mut house = House::open(policy(), 3);
    for number in 1..=4 {
        house.hand_in(number, Act::Work(8)).await;
    }
    sleep(Duration::from_secs(4)).await;
    let counts = house.queue.counts(house.now()).await.unwrap();
    assert_eq!((counts.running, counts.queued, house.figures.running()), (3, 1, 3));
    assert!(house.job(1).await.progress.done >= 2, "{:?}", house.job(1).await.progress);
    house.until(4, JobState::Done).await;
    house.end().await;
}

#[tokio::test(start_paused = true)]
async fn failures_are_tried_again_until_they_are_given_up() {
    let mut house = House::open(policy(), 2);
    house.hand_in(1, Act::Fail).await;
    house.hand_in(2, Act::Never).await;
    house.hand_in(3, Act::Panic).await;
    let broken = house.until(1, JobState::Failed).await;
    let hopeless = house.until(2, JobState::Failed).await;
    let fallen = house.until(3, JobState::Failed).await;
    assert_eq!((broken.attempts, hopeless.attempts, fallen.attempts), (3, 1, 3));
    assert_eq!(fallen.failure.unwrap().code, "runner_panicked");
    house.end().await;
    assert_eq!((house.count(WorkerEvent::Retried), house.count(WorkerEvent::Failed)), (4, 3));
    assert_eq!(house.count(WorkerEvent::Panicked), 3);
}

#[tokio::test(start_paused = true)]
async fn a_cancel_is_heard_within_a_second_and_what_is_deaf_is_dropped_after_the_grace() {
    let mut house = House::open(policy(), 2);
    house.hand_in(1, Act::Work(1_000)).await;
    house.hand_in(2, Act::Deaf(1_000)).await;
    sleep(Duration::from_secs(3)).await;
    let asked = house.now();
    // As another process would: it wakes nobody here.
    let other = house.place.open();
    other.cancel(id(1), asked).await.unwrap();
    other.cancel(id(2), asked).await.unwrap();
    let heard = house.until(1, JobState::Cancelled).await;
    assert!(asked.until(heard.ended.unwrap()) <= Duration::from_secs(1), "{heard:?}");
    let deaf = house.until(2, JobState::Cancelled).await;
    assert!(asked.until(deaf.ended.unwrap()) <= Duration::from_secs(7), "{deaf:?}");
    house.end().await;
    assert_eq!(house.count(WorkerEvent::Cancelled), 2);
}

#[tokio::test(start_paused = true)]
async fn a_cancel_in_the_same_process_is_heard_at_once_however_much_is_committed() {
    let mut house = House::open(policy(), 1);
    house.hand_in(1, Act::Work(1_000)).await;
    sleep(Duration::from_millis(3_100)).await;
    let asked = house.now();
    house.queue.cancel(id(1), asked).await.unwrap();
    for number in 2..30 {
        enqueue(&*house.queue, number, "b", house.now()).await;
        sleep(Duration::from_millis(5)).await;
    }
    let heard = house.until(1, JobState::Cancelled).await;
    assert!(asked.until(heard.ended.unwrap()) <= Duration::from_millis(100), "{heard:?}");
    house.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_a_job_needs_no_more_goes_once_its_result_is_recorded_and_not_before() {
    let mut house = House::open(policy(), 1);
    house.hand_in(1, Act::Work(1)).await;
    house.hand_in(2, Act::Never).await;
    house.until(1, JobState::Done).await;
    house.until(2, JobState::Failed).await;
    house.end().await;
    assert_eq!(*house.actor.settled.lock(), [(id(1), "{}".to_owned())]);
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_ahead_takes_no_job_from_a_worker_that_lives() {
    let mut house = House::open(policy(), 1);
    // It tells nothing between two heartbeats.
    house.hand_in(1, Act::Deaf(60)).await;
    sleep(Duration::from_millis(11_500)).await;
    house.ahead.store(3 * 3_600, Ordering::Relaxed);
    let job = house.until(1, JobState::Done).await;
    assert_eq!((job.attempts, house.count(WorkerEvent::Expired), house.count(WorkerEvent::LeaseLost)), (1, 0, 0));
    house.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_worker_without_places_sweeps_and_takes_nothing() {
    let mut house = House::open(policy(), 0);
    house.hand_in(1, Act::Work(1)).await;
    house.queue.claim("dead", house.now()).await.unwrap().unwrap();
    sleep(Duration::from_secs(60)).await;
    let job = house.job(1).await;
    assert_eq!((job.state, job.failure.unwrap().code.as_str()), (JobState::Queued, "worker_lost"));
    assert_eq!((house.count(WorkerEvent::Expired), house.count(WorkerEvent::Claimed)), (1, 0));
    house.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_ends_gives_its_jobs_back_and_no_attempt_is_lost() {
    let mut house = House::open(policy(), 2);
    house.hand_in(1, Act::Work(1_000)).await;
    house.hand_in(2, Act::Deaf(1_000)).await;
    house.hand_in(3, Act::Work(1)).await;
    sleep(Duration::from_secs(2)).await;
    assert!(house.end().await <= Duration::from_secs(6));
    for number in 1..=3 {
        let job = house.job(number).await;
        assert_eq!((job.state, job.attempts), (JobState::Queued, 0), "job {number}");
    }
    assert_eq!(house.count(WorkerEvent::GivenBack), 2);
}

#[tokio::test(start_paused = true)]
async fn whose_lease_is_lost_records_nothing() {
    let mut house = House::open(policy(), 1);
    house.hand_in(1, Act::Work(20)).await;
    sleep(Duration::from_secs(2)).await;
    // Another process with a clock far ahead takes the job away and ends it.
    let other = house.place.open();
    let later = house.now().after(Duration::from_secs(3_600));
    other.sweep(later).await.unwrap();
    let taken = other.claim("other", later.after(Duration::from_secs(60))).await.unwrap().unwrap();
    other.complete(taken.key, "\"other\"".to_owned(), later).await.unwrap();
    sleep(Duration::from_secs(30)).await;
    house.end().await;
    let job = house.job(1).await;
    assert_eq!((job.state, job.result.as_deref()), (JobState::Done, Some("\"other\"")));
    assert_eq!((house.count(WorkerEvent::LeaseLost), house.count(WorkerEvent::Completed)), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn what_other_processes_hand_in_and_leave_behind_is_found() {
    let mut house = House::open(policy(), 1);
    sleep(Duration::from_secs(2)).await;
    let other = house.place.open();
    enqueue(&other, 1, "a", house.now()).await;
    let found = house.until(1, JobState::Done).await;
    assert!(found.created.until(found.started.unwrap()) <= Duration::from_secs(1));
    house.actor.acts.lock().insert(id(2), Act::Work(1));
    enqueue(&other, 2, "a", house.now()).await;
    let dead = other.claim("dead", house.now()).await.unwrap();
    assert_eq!(dead.unwrap().job.id, id(2), "the worker looks only once a second");
    let done = house.until(2, JobState::Done).await;
    assert_eq!((done.attempts, house.count(WorkerEvent::Expired)), (2, 1));
    assert!(done.created.until(done.ended.unwrap()) < Duration::from_secs(40));
    house.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_too_old_is_forgotten_with_all_that_is_left_of_it() {
    let mut house = House::open(policy(), 1);
    house.hand_in(1, Act::Work(1)).await;
    house.until(1, JobState::Done).await;
    sleep(policy().retention + Duration::from_secs(10)).await;
    assert_eq!(*house.actor.forgotten.lock(), [id(1)]);
    house.end().await;
    assert_eq!(house.count(WorkerEvent::Forgotten), 1);
}

/// The file refuses writes while another process holds it; each refusal takes 20 ms of real time and none of the virtual.
fn held(house: &House) -> rusqlite::Connection {
    let other = rusqlite::Connection::open(house.place.file()).unwrap();
    other.busy_timeout(Duration::from_secs(5)).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    other
}

const IMPATIENT: SqliteLimits = SqliteLimits { busy_max: Duration::from_millis(20), bytes_max: 1 << 30 };

#[tokio::test(start_paused = true)]
async fn a_finished_run_is_recorded_although_the_store_failed_for_a_while() {
    let mut house = House::with_limits(policy(), 1, IMPATIENT);
    house.hand_in(1, Act::Work(5)).await;
    sleep(Duration::from_secs(2)).await;
    let other = held(&house);
    sleep(Duration::from_secs(18)).await;
    assert_eq!((house.job(1).await.state, house.figures.running()), (JobState::Running, 1));
    drop(other);
    let job = house.until(1, JobState::Done).await;
    assert_eq!((job.attempts, job.progress.done, house.actor.begun.lock().len()), (1, 5, 1));
    assert!(house.count(WorkerEvent::StorageFailed) > 0);
    house.end().await;
    assert_eq!((house.count(WorkerEvent::Completed), house.count(WorkerEvent::LeaseLost)), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_run_whose_lease_cannot_be_renewed_until_its_end_is_ended_and_begun_again() {
    let mut house = House::with_limits(policy(), 1, IMPATIENT);
    house.hand_in(1, Act::Work(60)).await;
    sleep(Duration::from_secs(2)).await;
    let other = held(&house);
    sleep(Duration::from_secs(40)).await;
    assert_eq!((house.count(WorkerEvent::LeaseLost), house.figures.running()), (1, 0));
    drop(other);
    let job = house.until(1, JobState::Done).await;
    assert_eq!((job.attempts, house.actor.begun.lock().len()), (2, 2));
    house.end().await;
    assert_eq!(house.count(WorkerEvent::Completed), 1);
}
