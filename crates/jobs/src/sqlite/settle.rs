//! What the holder of a lease says: still alive, done, failed, given back, cancelled. Only the newest holder is heard.

use super::fault::fault;
use super::row::{COLUMNS, get, job, next_revision, number, whole};
use crate::{
    Attempted, Job, JobError, JobErrorKind, JobFailure, JobId, JobPolicy, JobProgress, JobState, JobTime, LeaseKey,
    Renewed,
};
use rusqlite::{Connection, OptionalExtension, params};
use samovar_schedule::Backoff;
use std::time::Duration;

/// How a job ends.
pub struct Ending<'a> {
    /// One of the three ends.
    pub state: JobState,
    /// What came of it.
    pub result: Option<&'a str>,
    /// What it failed with; none: what was told before stays.
    pub failure: Option<&'a JobFailure>,
}

/// Prolongs the lease to `until`. The revision counts only where the progress is another.
pub fn renew(
    connection: &Connection,
    lease: LeaseKey,
    progress: JobProgress,
    until: JobTime,
) -> Result<Renewed, JobError> {
    let job = held_by(connection, lease)?;
    let revision = if job.progress == progress { whole(job.revision) } else { next_revision(connection)? };
    let sql = "UPDATE jobs SET lease_until = ?2, done = ?3, total = ?4, revision = ?5 WHERE id = ?1";
    let values =
        params![lease.id.to_bytes(), whole(until.0), whole(progress.done), progress.total.map(whole), revision];
    connection.prepare_cached(sql).and_then(|mut statement| statement.execute(values)).map_err(fault)?;
    Ok(Renewed { until, cancel_asked: job.cancel_asked })
}

/// Records the result. Told twice by the same holder it is recorded once: the first answer may have been lost.
pub fn complete(connection: &Connection, lease: LeaseKey, result: &str, now: JobTime) -> Result<(), JobError> {
    if is_recorded(connection, lease, result)? {
        return Ok(());
    }
    held_by(connection, lease)?;
    end(connection, lease.id, &Ending { state: JobState::Done, result: Some(result), failure: None }, now)
}

/// The attempt failed: the job waits for the next, or is given up; or is cancelled, where that was asked for.
pub fn fail(
    connection: &Connection,
    policy: &JobPolicy,
    lease: LeaseKey,
    (failure, attempted): (&JobFailure, Attempted),
    now: JobTime,
) -> Result<Job, JobError> {
    let mut job = held_by(connection, lease)?;
    let again = attempted == Attempted::Retry && job.attempts < policy.attempts_max;
    if job.cancel_asked {
        cancel_now(connection, lease.id, now)?;
    } else if attempted == Attempted::Later {
        job.attempts = job.attempts.saturating_sub(1);
        put_back(connection, &job, now.after(LATER), Some(failure))?;
    } else if again {
        put_back(connection, &job, now.after(rest(policy, &job)), Some(failure))?;
    } else {
        end(connection, lease.id, &Ending { state: JobState::Failed, result: None, failure: Some(failure) }, now)?;
    }
    get(connection, lease.id)
}

/// Gives the job back without counting the attempt.
pub fn give_back(connection: &Connection, lease: LeaseKey, now: JobTime) -> Result<(), JobError> {
    let mut job = held_by(connection, lease)?;
    if job.cancel_asked {
        return cancel_now(connection, lease.id, now);
    }
    job.attempts = job.attempts.saturating_sub(1);
    put_back(connection, &job, now, None)
}

/// The run was ended because somebody asked for it.
pub fn cancelled(connection: &Connection, lease: LeaseKey, now: JobTime) -> Result<(), JobError> {
    held_by(connection, lease)?;
    cancel_now(connection, lease.id, now)
}

/// Brings a job to its end, wherever it is.
pub fn end(connection: &Connection, id: JobId, ending: &Ending<'_>, now: JobTime) -> Result<(), JobError> {
    let revision = next_revision(connection)?;
    // What an earlier attempt failed with says nothing about a job that has its result.
    let sql = "UPDATE jobs SET state = ?2, ready = 0, revision = ?3, ended = ?4, lease_until = NULL, result = ?5,
               failure_code = iif(?5 IS NULL, coalesce(?6, failure_code), NULL),
               failure_message = iif(?5 IS NULL, coalesce(?7, failure_message), NULL) WHERE id = ?1";
    let (code, message) = ending.failure.map(|failure| (&failure.code, &failure.message)).unzip();
    let values = params![id.to_bytes(), number(ending.state), revision, whole(now.0), ending.result, code, message];
    connection.prepare_cached(sql).and_then(|mut statement| statement.execute(values)).map_err(fault)?;
    Ok(())
}

/// Ends a job as cancelled.
pub fn cancel_now(connection: &Connection, id: JobId, now: JobTime) -> Result<(), JobError> {
    end(connection, id, &Ending { state: JobState::Cancelled, result: None, failure: None }, now)
}

/// Lets a running job wait again, with the attempts that `job` has; it begins when `from` has come and somebody claims or sweeps.
pub fn put_back(
    connection: &Connection,
    job: &Job,
    from: JobTime,
    failure: Option<&JobFailure>,
) -> Result<(), JobError> {
    let revision = next_revision(connection)?;
    // A job that was given back waits for nothing: it is ready at once.
    let ready = failure.is_none();
    let sql = "UPDATE jobs SET state = ?2, ready = ?3, attempts = ?4, revision = ?5, not_before = ?6, lease_until = NULL,
               done = 0, total = NULL,
               failure_code = coalesce(?7, failure_code), failure_message = coalesce(?8, failure_message) WHERE id = ?1";
    let (code, message) = failure.map(|failure| (&failure.code, &failure.message)).unzip();
    let values = params![
        job.id.to_bytes(),
        number(JobState::Queued),
        ready,
        job.attempts,
        revision,
        whole(from.0),
        code,
        message
    ];
    connection.prepare_cached(sql).and_then(|mut statement| statement.execute(values)).map_err(fault)?;
    Ok(())
}

/// The rest before the next attempt. Its jitter hangs on the job and the attempt alone, so that it is the same wherever it is asked.
pub fn rest(policy: &JobPolicy, job: &Job) -> Duration {
    let mut backoff = Backoff::new(policy.backoff_first, policy.backoff_max);
    let jitter = jitter(job.id, job.attempts);
    let tries = job.attempts.clamp(1, DOUBLINGS_MAX);
    (0..tries).map(|_| backoff.next_wait(jitter)).last().unwrap_or_default()
}

/// The job, if the lease is the newest one and the job still runs. A late holder is heard as long as nobody else has the job.
fn held_by(connection: &Connection, lease: LeaseKey) -> Result<Job, JobError> {
    let sql = format!("SELECT {COLUMNS} FROM jobs WHERE id = ?1 AND token = ?2 AND state = ?3");
    let mut statement = connection.prepare_cached(&sql).map_err(fault)?;
    let values = params![lease.id.to_bytes(), whole(lease.token), number(JobState::Running)];
    statement.query_row(values, job).optional().map_err(fault)?.ok_or_else(|| {
        let sentence = "this worker does not hold the job any more: what it found is not recorded";
        JobError::new(JobErrorKind::LeaseLost, sentence)
    })
}

fn is_recorded(connection: &Connection, lease: LeaseKey, result: &str) -> Result<bool, JobError> {
    let sql = "SELECT 1 FROM jobs WHERE id = ?1 AND token = ?2 AND state = ?3 AND result = ?4";
    let values = params![lease.id.to_bytes(), whole(lease.token), number(JobState::Done), result];
    connection.prepare_cached(sql).and_then(|mut statement| statement.exists(values)).map_err(fault)
}

/// From 0 to 1, by splitmix64 (Steele, Lea and Flood, 2014) over the name and the attempt.
fn jitter(id: JobId, attempt: u32) -> f64 {
    let bytes = id.to_bytes();
    let folded = bytes.chunks(8).fold(u64::from(attempt), |sum, half| {
        mixed(half.iter().fold(sum, |word, byte| word.rotate_left(8) ^ u64::from(*byte)))
    });
    // The upper 32 bits fit a double exactly.
    f64::from(u32::try_from(folded >> 32).unwrap_or(0)) / f64::from(u32::MAX)
}

fn mixed(seed: u64) -> u64 {
    let word = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

/// The rest of a job that waits for something which comes back by itself: short enough that it goes on within 5 s of that.
const LATER: Duration = Duration::from_secs(3);
/// Doublings after which every backoff is at its longest.
const DOUBLINGS_MAX: u32 = 64;
