//! Takes back leases that have ended, and forgets what is too old.

use super::asked::remove;
use super::claim::{spent, wake_rested};
use super::fault::fault;
use super::row::{COLUMNS, get, job, whole};
use super::settle::{Ending, cancel_now, end, put_back, rest};
use crate::{Job, JobError, JobFailure, JobId, JobPolicy, JobState, JobTime, Swept};
use rusqlite::{Connection, ToSql, params};

/// Takes back leases that have ended, and forgets what is too old: so many at once that no other write waits long.
pub fn sweep(connection: &Connection, policy: &JobPolicy, now: JobTime) -> Result<Swept, JobError> {
    mend_future(connection, policy, now)?;
    wake_rested(connection, now)?;
    let expired = expired(connection, now)?
        .iter()
        .map(|job| take_back(connection, policy, job, now))
        .collect::<Result<_, _>>()?;
    let forgotten = too_old(connection, policy, now)?;
    forgotten.iter().try_for_each(|id| remove(connection, *id))?;
    Ok(Swept { expired, forgotten })
}

/// A clock that was set back leaves times that lie further ahead than any that is given out: a job would rest, or belong to a dead worker,
/// for as long as the clock was set back.
fn mend_future(connection: &Connection, policy: &JobPolicy, now: JobTime) -> Result<(), JobError> {
    let rest = "UPDATE jobs SET not_before = ?2 WHERE seq IN
                (SELECT seq FROM jobs WHERE state = 0 AND ready = 0 AND not_before > ?1 ORDER BY not_before DESC LIMIT ?3)";
    let hold = "UPDATE jobs SET lease_until = ?2 WHERE seq IN
                (SELECT seq FROM jobs WHERE state = 1 AND lease_until > ?1 ORDER BY lease_until DESC LIMIT ?3)";
    for (sql, longest) in [(rest, policy.backoff_max.max(policy.backoff_first)), (hold, policy.lease)] {
        // Another process may have been given longer times.
        let values = params![whole(now.after(longest * FUTURE_TIMES).0), whole(now.after(longest).0), AT_ONCE];
        connection.prepare_cached(sql).and_then(|mut statement| statement.execute(values)).map_err(fault)?;
    }
    Ok(())
}

fn expired(connection: &Connection, now: JobTime) -> Result<Vec<Job>, JobError> {
    let sql = format!("SELECT {COLUMNS} FROM jobs WHERE state = 1 AND lease_until <= ?1 ORDER BY lease_until LIMIT ?2");
    let mut statement = connection.prepare_cached(&sql).map_err(fault)?;
    let found = statement.query_map(params![whole(now.0), AT_ONCE], job).map_err(fault)?;
    found.collect::<Result<_, _>>().map_err(fault)
}

/// The job after its worker was given up.
fn take_back(connection: &Connection, policy: &JobPolicy, job: &Job, now: JobTime) -> Result<Job, JobError> {
    if job.cancel_asked {
        cancel_now(connection, job.id, now)?;
    } else if job.attempts < policy.attempts_max {
        put_back(connection, job, now.after(rest(policy, job)), Some(&lost()))?;
    } else {
        end(connection, job.id, &Ending { state: JobState::Failed, result: None, failure: Some(&spent()) }, now)?;
    }
    get(connection, job.id)
}

fn lost() -> JobFailure {
    let message = "the worker gave no sign of life until its lease ended: the job is tried again by itself";
    JobFailure { code: "worker_lost".to_owned(), message: message.to_owned() }
}

fn too_old(connection: &Connection, policy: &JobPolicy, now: JobTime) -> Result<Vec<JobId>, JobError> {
    let kept_from = now.0.saturating_sub(u64::try_from(policy.retention.as_millis()).unwrap_or(u64::MAX));
    let sql = "SELECT id FROM jobs WHERE ended IS NOT NULL AND ended < ?1 ORDER BY ended, seq LIMIT ?2";
    let old = ids(connection, sql, params![whole(kept_from), AT_ONCE])?;
    if !old.is_empty() {
        return Ok(old);
    }
    let sql = "SELECT id FROM jobs WHERE ended IS NOT NULL ORDER BY ended, seq
               LIMIT min(?2, max(0, (SELECT sum(jobs) FROM counts WHERE state > 1) - ?1))";
    ids(connection, sql, params![whole(policy.finished_max), AT_ONCE])
}

fn ids(connection: &Connection, sql: &str, values: &[&dyn ToSql]) -> Result<Vec<JobId>, JobError> {
    let mut statement = connection.prepare_cached(sql).map_err(fault)?;
    let found = statement.query_map(values, |row| row.get(0).map(JobId::from_bytes)).map_err(fault)?;
    found.collect::<Result<_, _>>().map_err(fault)
}

/// So many times the longest that this process gives out is no time of any process of this folder.
const FUTURE_TIMES: u32 = 4;
/// Jobs of one kind in one sweep; the next takes more.
const AT_ONCE: i64 = 256;
