//! Questions that change nothing: they run beside whoever writes.

use super::fault::fault;
use super::row::{COLUMNS, count, find, job, number, state, whole};
use crate::{Job, JobCounts, JobError, JobFilter, JobState, JobTime};
use rusqlite::{Connection, ToSql, params};

/// Jobs, the newest first.
pub fn list(connection: &Connection, filter: &JobFilter) -> Result<Vec<Job>, JobError> {
    let before = filter.before.map(|id| id.to_bytes());
    if let Some(id) = filter.before
        && find(connection, id)?.is_none()
    {
        return Ok(Vec::new());
    }
    let (state, limit) = (filter.state.map(number), at_most(filter.limit));
    let parts: [(&str, Option<&dyn ToSql>); 3] = [
        (" AND owner = ?", filter.owner.as_ref().map(|owner| owner as _)),
        (" AND state = ?", state.as_ref().map(|state| state as _)),
        (" AND seq < (SELECT seq FROM jobs WHERE id = ?)", before.as_ref().map(|id| id as _)),
    ];
    let asked = parts.into_iter().filter_map(|(condition, value)| Some((condition, value?)));
    let (conditions, mut values): (String, Vec<&dyn ToSql>) = asked.unzip();
    values.push(&limit);
    let sql = format!("SELECT {COLUMNS} FROM jobs WHERE TRUE{conditions} ORDER BY seq DESC LIMIT ?");
    rows(connection, &sql, &values)
}

/// Jobs that have changed since, in the order of their last change.
pub fn changes(connection: &Connection, after: u64, limit: usize) -> Result<Vec<Job>, JobError> {
    let sql = format!("SELECT {COLUMNS} FROM jobs WHERE revision > ?1 ORDER BY revision LIMIT ?2");
    rows(connection, &sql, params![whole(after), at_most(limit)])
}

/// How many there are, from the table that the triggers keep.
pub fn counts(connection: &Connection, now: JobTime) -> Result<JobCounts, JobError> {
    let mut counts = JobCounts::default();
    let mut statement = connection.prepare_cached("SELECT state, jobs FROM counts").map_err(fault)?;
    let found = statement.query_map([], |row| Ok((state(row, 0)?, count(row, 1)?))).map_err(fault)?;
    for pair in found {
        let (state, jobs) = pair.map_err(fault)?;
        *of(&mut counts, state) = jobs;
    }
    counts.oldest_queued_ms = oldest(connection, now)?;
    Ok(counts)
}

/// Of those that may begin, whether or not somebody has noticed yet that their backoff is over.
fn oldest(connection: &Connection, now: JobTime) -> Result<u64, JobError> {
    let sql = "SELECT min(since) FROM (
               SELECT * FROM (SELECT not_before AS since FROM jobs WHERE state = 0 AND ready = 1 ORDER BY not_before LIMIT 1)
               UNION ALL
               SELECT * FROM (SELECT not_before AS since FROM jobs WHERE state = 0 AND ready = 0 ORDER BY not_before LIMIT 1))";
    let mut statement = connection.prepare_cached(sql).map_err(fault)?;
    let since: Option<i64> = statement.query_row([], |row| row.get(0)).map_err(fault)?;
    Ok(since.map_or(0, |since| now.0.saturating_sub(since.unsigned_abs())))
}

fn of(counts: &mut JobCounts, state: JobState) -> &mut u64 {
    match state {
        JobState::Queued => &mut counts.queued,
        JobState::Running => &mut counts.running,
        JobState::Done => &mut counts.done,
        JobState::Failed => &mut counts.failed,
        JobState::Cancelled => &mut counts.cancelled,
    }
}

fn rows(connection: &Connection, sql: &str, values: &[&dyn ToSql]) -> Result<Vec<Job>, JobError> {
    let mut statement = connection.prepare_cached(sql).map_err(fault)?;
    let found = statement.query_map(values, job).map_err(fault)?;
    found.collect::<Result<_, _>>().map_err(fault)
}

fn at_most(limit: usize) -> i64 {
    i64::try_from(limit.min(ROWS_MAX)).unwrap_or(0)
}

/// Jobs in one answer.
const ROWS_MAX: usize = 1_000;
