//! A fixed history in a process of its own that is killed, torn or refused at every single change that SQLite makes to a file.
//!
//! After each the file is sound and the queue stands exactly where the last answer left it, or where the next one would have.

use crate::storage::assert_sound;
use crate::support::{at, failure, id, policy, quick_folder, run, submission};
use crate::system_calls::{Fault, count, install};
use samovar_jobs::{
    Attempted, Job, JobCounts, JobError, JobErrorKind, JobFilter, JobProgress, JobQueue, Lease, SqliteQueue, Submission,
};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

#[test]
fn a_kill_at_any_write_loses_nothing_that_was_answered() {
    at_each_write(Fault::Kill, |at, told, file, states| {
        assert!(!told.ended, "write {at}: the process was to be killed");
        assert_stands(at, &told, file, states);
    });
}

#[test]
fn a_write_that_is_torn_by_a_kill_loses_nothing_that_was_answered() {
    at_each_write(Fault::Tear, |at, told, file, states| {
        assert!(!told.ended, "write {at}: the process was to be killed");
        assert_stands(at, &told, file, states);
    });
}

#[test]
fn a_write_that_fails_changes_nothing_and_the_next_try_succeeds() {
    at_each_write(Fault::Fail, |at, told, file, states| {
        assert!(told.ended, "write {at}: the history was to go on");
        assert_stands(at, &told, file, states);
    });
}

#[test]
fn a_disk_that_is_full_for_a_while_changes_nothing_and_loses_nothing() {
    at_each_write(Fault::Full, |at, told, file, states| {
        assert!(told.ended, "write {at}: the history was to go on");
        assert_stands(at, &told, file, states);
    });
}

/// Not a test by itself: the process that meets the fault.
#[test]
fn the_process_that_meets_the_fault() {
    let Ok(file) = std::env::var(FILE) else { return };
    let fault = std::env::var(FAULT).ok().and_then(|word| Fault::parse(&word)).unwrap();
    install(fault, std::env::var(AT).unwrap().parse().unwrap());
    tell_history(Path::new(&file));
}

/// What the process told before its end.
struct Told {
    /// Steps that were answered.
    steps: usize,
    /// Whether it came to its end, and how many changes it made until then.
    ended: bool,
    writes: u64,
}

fn at_each_write(fault: Fault, check: impl Fn(u64, Told, &Path, &[String])) {
    let folder = quick_folder();
    let whole = child(&folder.path().join("whole.sqlite"), Fault::None, 0);
    assert!(whole.ended && whole.steps == STEPS);
    let states = states(&folder.path().join("states.sqlite"));
    for at in 1..=whole.writes {
        let file = folder.path().join(format!("{at}.sqlite"));
        let told = child(&file, fault, at);
        check(at, told, &file, &states);
    }
    eprintln!("{fault:?} at each of {} writes", whole.writes);
}

fn assert_stands(at: u64, told: &Told, file: &Path, states: &[String]) {
    if file.exists() {
        assert_sound(file);
    }
    let stands = run(async { state(&SqliteQueue::open(file, policy()).unwrap()).await });
    let next = (told.steps + 1).min(STEPS);
    let expected = [&states[told.steps], &states[next]];
    assert!(expected.contains(&&stands), "write {at}, after {} steps: {stands}\nexpected {expected:#?}", told.steps);
}

fn child(file: &Path, fault: Fault, at: u64) -> Told {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["crash::the_process_that_meets_the_fault", "--exact", "--nocapture"])
        .envs([(FILE, file.as_os_str()), (FAULT, fault.name().as_ref()), (AT, at.to_string().as_ref())])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let ended = text.lines().find_map(|line| line.strip_prefix("writes ")).map(|writes| writes.parse().unwrap());
    assert_eq!(ended.is_some(), output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    let steps = text.lines().filter(|line| line.starts_with("step ")).count();
    Told { steps, ended: ended.is_some(), writes: ended.unwrap_or(0) }
}

/// How the queue stands after each step, where nothing goes wrong.
fn states(file: &Path) -> Vec<String> {
    let mut history = History::open(file).unwrap();
    let mut states = vec![run(state(history.queue()))];
    for step in 0..STEPS {
        history.step(step, file).unwrap();
        states.push(run(state(history.queue())));
    }
    states
}

fn tell_history(file: &Path) {
    let mut history = patient(|| History::open(file));
    for step in 0..STEPS {
        patient(|| history.step(step, file));
        say(&format!("step {step}"));
    }
    drop(history);
    say(&format!("writes {}", count()));
}

fn patient<T>(mut work: impl FnMut() -> Result<T, JobError>) -> T {
    for _ in 0..TRIES_MAX {
        match work() {
            Ok(done) => return done,
            Err(error) => {
                assert!(matches!(error.kind(), JobErrorKind::Storage | JobErrorKind::StorageFull), "{error}");
            }
        }
    }
    panic!("the fault lasts too long");
}

/// Straight to the system: nothing is left in a buffer when the process is killed.
fn say(line: &str) {
    let mut text = String::new();
    writeln!(text, "\n{line}").unwrap();
    std::io::stdout().write_all(text.as_bytes()).unwrap();
    std::io::stdout().flush().unwrap();
}

/// Each step has a runtime of its own, so that nothing of it goes on beside the next: the same writes in the same order every time.
struct History {
    queue: Option<SqliteQueue>,
    leases: Vec<Lease>,
}

impl History {
    fn open(file: &Path) -> Result<Self, JobError> {
        Ok(Self { queue: Some(SqliteQueue::open(file, policy())?), leases: Vec::new() })
    }

    fn queue(&self) -> &SqliteQueue {
        self.queue.as_ref().unwrap()
    }

    fn step(&mut self, step: usize, file: &Path) -> Result<(), JobError> {
        if step == REOPEN {
            // The last one who closes writes the log back into the file.
            self.queue = None;
            self.queue = Some(SqliteQueue::open(file, policy())?);
            return Ok(());
        }
        run(self.act(step))
    }

    /// One step of the fixed history. A step that was refused can be done again.
    async fn act(&mut self, step: usize) -> Result<(), JobError> {
        let queue = self.queue();
        match step {
            0..=2 => drop(queue.enqueue(large(step), at(0)).await?),
            3 | 6 | 10 | 13 => self.claim(step).await?,
            4 => queue.renew(self.leases[0].key, JobProgress { done: 7, total: Some(9) }, at(4)).await.map(|_| ())?,
            5 => queue.complete(self.leases[0].key, "{\"frames\":9}".to_owned(), at(5)).await?,
            7 => drop(queue.fail(self.leases[1].key, failure("video_broken"), Attempted::Retry, at(7)).await?),
            8 => drop(queue.enqueue(large(8), at(8)).await?),
            11 => drop(queue.sweep(at(90)).await?),
            12 => drop(queue.cancel(id(8), at(91)).await?),
            14 => queue.give_back(self.leases[3].key, at(94)).await?,
            15 => drop(queue.retry(id(8), at(95)).await?),
            16 => queue.delete(id(0)).await?,
            _ => drop(queue.enqueue(large(step), at(99)).await?),
        }
        Ok(())
    }

    async fn claim(&mut self, step: usize) -> Result<(), JobError> {
        let lease = self.queue().claim("worker", at(u64::try_from(step).unwrap())).await?;
        self.leases.push(lease.expect("a job may begin"));
        Ok(())
    }
}

/// A page or more.
fn large(number: usize) -> Submission {
    let number = u64::try_from(number).unwrap();
    Submission {
        payload: format!("{number}").repeat(2_500),
        idempotency_key: Some(number.to_string()),
        ..submission(number, "a")
    }
}

/// Everything that the queue shows.
async fn state(queue: &SqliteQueue) -> String {
    let all: Vec<Job> = queue.list(JobFilter { limit: 100, ..JobFilter::default() }).await.unwrap();
    let counts: JobCounts = queue.counts(at(100)).await.unwrap();
    let brief = |mut job: Job| {
        job.payload.truncate(2);
        format!("{job:?}")
    };
    format!("{counts:?} {:#?}", all.into_iter().map(brief).collect::<Vec<_>>())
}

const FILE: &str = "SAMOVAR_JOBS_CRASH_FILE";
const FAULT: &str = "SAMOVAR_JOBS_CRASH_FAULT";
const AT: &str = "SAMOVAR_JOBS_CRASH_AT";
/// Steps of the history.
const STEPS: usize = 18;
/// The step at which the file is closed and opened.
const REOPEN: usize = 9;
/// Longer than any fault lasts.
const TRIES_MAX: usize = 20;
