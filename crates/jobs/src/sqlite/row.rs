//! A job as a row, and a row as a job.

use super::fault::{corrupt, fault};
use crate::{Job, JobError, JobErrorKind, JobFailure, JobId, JobProgress, JobState, JobTime};
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row};

/// The columns that [`job`] reads, in its order.
pub const COLUMNS: &str = "id, state, priority, attempts, done, total, created, started, ended, not_before, cancel_asked, revision, \
                           failure_code, failure_message, kind, owner, payload, result";

/// The job of a row of [`COLUMNS`].
pub fn job(row: &Row<'_>) -> rusqlite::Result<Job> {
    Ok(Job {
        id: JobId::from_bytes(row.get(0)?),
        state: state(row, 1)?,
        priority: row.get(2)?,
        attempts: row.get(3)?,
        progress: JobProgress { done: count(row, 4)?, total: maybe(row, 5)? },
        created: JobTime(count(row, 6)?),
        started: maybe(row, 7)?.map(JobTime),
        ended: maybe(row, 8)?.map(JobTime),
        not_before: JobTime(count(row, 9)?),
        cancel_asked: row.get(10)?,
        revision: count(row, 11)?,
        failure: failure(row.get(12)?, row.get(13)?),
        kind: row.get(14)?,
        owner: row.get(15)?,
        payload: row.get(16)?,
        result: row.get(17)?,
    })
}

/// The job of that name.
pub fn get(connection: &Connection, id: JobId) -> Result<Job, JobError> {
    find(connection, id)?
        .ok_or_else(|| JobError::new(JobErrorKind::Unknown, "there is no such job: it may have been deleted"))
}

/// The job of that name, where there is one.
pub fn find(connection: &Connection, id: JobId) -> Result<Option<Job>, JobError> {
    let mut statement =
        connection.prepare_cached(&format!("SELECT {COLUMNS} FROM jobs WHERE id = ?1")).map_err(fault)?;
    statement.query_row([id.to_bytes()], job).optional().map_err(fault)
}

/// The next number of a change.
pub fn next_revision(connection: &Connection) -> Result<i64, JobError> {
    next(connection, "UPDATE ledger SET revision = revision + 1 RETURNING revision")
}

/// The next fence.
pub fn next_token(connection: &Connection) -> Result<i64, JobError> {
    next(connection, "UPDATE ledger SET token = token + 1 RETURNING token")
}

/// A state as it is stored: its place in [`JobState::ALL`].
pub const fn number(state: JobState) -> i64 {
    state as i64
}

/// A number as SQLite holds it: it knows no larger ones.
pub fn whole(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A count of a column that cannot be negative.
pub fn count(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let value: i64 = row.get(column)?;
    u64::try_from(value).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, value))
}

/// The state of a column.
pub fn state(row: &Row<'_>, column: usize) -> rusqlite::Result<JobState> {
    let value: usize = row.get::<_, u8>(column)?.into();
    let known = JobState::ALL.get(value).copied();
    known.ok_or_else(|| rusqlite::Error::InvalidColumnType(column, "state".to_owned(), Type::Integer))
}

fn next(connection: &Connection, sql: &str) -> Result<i64, JobError> {
    let mut statement = connection.prepare_cached(sql).map_err(fault)?;
    statement.query_row([], |row| row.get(0)).optional().map_err(fault)?.ok_or_else(corrupt)
}

fn maybe(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<u64>> {
    let value: Option<i64> = row.get(column)?;
    value
        .map(|value| u64::try_from(value).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, value)))
        .transpose()
}

fn failure(code: Option<String>, message: Option<String>) -> Option<JobFailure> {
    Some(JobFailure { code: code?, message: message.unwrap_or_default() })
}
