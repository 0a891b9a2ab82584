//! Whose turn it is: the highest priority, then the owner who has waited longest for a turn, then that owner's oldest job.

use super::fault::fault;
use super::row::{COLUMNS, job, next_revision, next_token, number, whole};
use super::settle::{Ending, end};
use crate::{Job, JobError, JobFailure, JobId, JobPolicy, JobState, JobTime, Lease, LeaseKey};
use rusqlite::{Connection, OptionalExtension, params};

/// Takes the job that is next.
pub fn claim(
    connection: &Connection,
    policy: &JobPolicy,
    worker: &str,
    now: JobTime,
) -> Result<Option<Lease>, JobError> {
    wake_rested(connection, now)?;
    for _ in 0..SPENT_MAX {
        let Some(next) = next(connection)? else { return Ok(None) };
        if next.attempts < policy.attempts_max {
            return lease(connection, next.id, worker, now, now.after(policy.lease)).map(Some);
        }
        // Only where the policy allows fewer attempts than when it was put back.
        end(connection, next.id, &Ending { state: JobState::Failed, result: None, failure: Some(&spent()) }, now)?;
    }
    Ok(None)
}

/// Lets those begin whose backoff is over.
pub fn wake_rested(connection: &Connection, now: JobTime) -> Result<(), JobError> {
    // By the key, so that the index that is walked is not the one that changes; bounded, so that no claim waits for thousands.
    let sql = "UPDATE jobs SET ready = 1 WHERE seq IN
               (SELECT seq FROM jobs WHERE state = 0 AND ready = 0 AND not_before <= ?1 ORDER BY not_before LIMIT ?2)";
    let values = params![whole(now.0), RESTED_MAX];
    connection.prepare_cached(sql).and_then(|mut statement| statement.execute(values)).map_err(fault)?;
    Ok(())
}

/// What a job without attempts left failed with.
pub fn spent() -> JobFailure {
    let message =
        "every attempt ended without a sign of life from its worker: look at what the job asks for, then retry it";
    JobFailure { code: "attempts_exhausted".to_owned(), message: message.to_owned() }
}

fn next(connection: &Connection) -> Result<Option<Job>, JobError> {
    let sql = "SELECT priority, owner FROM turns ORDER BY priority DESC, turn LIMIT 1";
    let mut statement = connection.prepare_cached(sql).map_err(fault)?;
    let turn: Option<(u8, String)> =
        statement.query_row([], |row| Ok((row.get(0)?, row.get(1)?))).optional().map_err(fault)?;
    let Some((priority, owner)) = turn else { return Ok(None) };
    serve_last(connection, priority, &owner)?;
    let sql =
        format!("SELECT {COLUMNS} FROM jobs WHERE ready = 1 AND owner = ?1 AND priority = ?2 ORDER BY seq LIMIT 1");
    let mut statement = connection.prepare_cached(&sql).map_err(fault)?;
    statement.query_row(params![owner, priority], job).optional().map_err(fault)
}

/// Puts the owner behind everybody else of this priority.
fn serve_last(connection: &Connection, priority: u8, owner: &str) -> Result<(), JobError> {
    let sql = "UPDATE turns SET turn = (SELECT max(turn) + 1 FROM turns WHERE priority = ?1) WHERE priority = ?1 AND owner = ?2";
    connection
        .prepare_cached(sql)
        .and_then(|mut statement| statement.execute(params![priority, owner]))
        .map_err(fault)?;
    Ok(())
}

/// Hands the job out, from `now` until `until`. The attempt counts from here on, whatever becomes of the worker.
fn lease(connection: &Connection, id: JobId, worker: &str, now: JobTime, until: JobTime) -> Result<Lease, JobError> {
    let (token, revision) = (next_token(connection)?, next_revision(connection)?);
    let sql = format!(
        "UPDATE jobs SET state = ?2, ready = 0, attempts = attempts + 1, done = 0, total = NULL, token = ?3, revision = ?4,
         lease_until = ?5, worker = ?6, started = coalesce(started, ?7) WHERE id = ?1 RETURNING {COLUMNS}"
    );
    let values =
        params![id.to_bytes(), number(JobState::Running), token, revision, whole(until.0), worker, whole(now.0)];
    let taken =
        connection.prepare_cached(&sql).and_then(|mut statement| statement.query_row(values, job)).map_err(fault)?;
    Ok(Lease { key: LeaseKey { id, token: token.unsigned_abs() }, job: taken, until })
}

/// Jobs without attempts left that one claim ends before it gives up.
const SPENT_MAX: usize = 16;
/// Jobs whose backoff one claim ends.
const RESTED_MAX: i64 = 256;
