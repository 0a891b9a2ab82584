//! Accepts jobs.

use super::fault::{fault, full};
use super::row::{COLUMNS, get, job, next_revision, number, whole};
use crate::{Enqueued, Job, JobError, JobErrorKind, JobPolicy, JobState, JobTime, Submission};
use rusqlite::{Connection, OptionalExtension, params};

/// Accepts a job, or finds the one of the same key.
pub fn enqueue(
    connection: &Connection,
    policy: &JobPolicy,
    new: &Submission,
    now: JobTime,
) -> Result<Enqueued, JobError> {
    let earlier = new.idempotency_key.as_deref().map(|key| earlier(connection, &new.owner, key)).transpose()?.flatten();
    if let Some(earlier) = earlier {
        return same(earlier, new);
    }
    if super::row::find(connection, new.id)?.is_some() {
        return Err(JobError::new(JobErrorKind::Conflict, "a job of that name is there already: choose a new name"));
    }
    refuse_full(connection, policy, &new.owner)?;
    refuse_crowded(connection)?;
    insert(connection, new, now)?;
    Ok(Enqueued { job: get(connection, new.id)?, existed: false })
}

/// Refuses where a job of that owner would be refused, but for the bytes that it takes.
pub fn admits(connection: &Connection, policy: &JobPolicy, owner: &str, key: Option<&str>) -> Result<(), JobError> {
    if key.map(|key| earlier(connection, owner, key)).transpose()?.flatten().is_some() {
        return Ok(());
    }
    refuse_full(connection, policy, owner)
}

/// Refuses where as many wait or run as may.
pub fn refuse_full(connection: &Connection, policy: &JobPolicy, owner: &str) -> Result<(), JobError> {
    let all = read(connection, "SELECT sum(jobs) FROM counts WHERE state <= 1", params![])?;
    if all >= policy.jobs_max {
        return Err(JobError::new(
            JobErrorKind::QueueFull,
            "the queue of jobs is full: try again when some have ended",
        ));
    }
    if read(connection, "SELECT jobs FROM owners WHERE owner = ?1", params![owner])? >= policy.owner_jobs_max {
        let sentence = "as many of your jobs wait or run as may: try again when some have ended";
        return Err(JobError::new(JobErrorKind::QueueFull, sentence));
    }
    Ok(())
}

/// Refuses where the file is nearly as large as it may be: the rest is kept for the results of the jobs that it holds.
fn refuse_crowded(connection: &Connection) -> Result<(), JobError> {
    let sql = "SELECT 10 * (pages.page_count - free.freelist_count) >= 9 * most.max_page_count
               FROM pragma_page_count AS pages, pragma_freelist_count AS free, pragma_max_page_count AS most";
    let mut statement = connection.prepare_cached(sql).map_err(fault)?;
    let crowded: bool = statement.query_row([], |row| row.get(0)).map_err(fault)?;
    if crowded { Err(full()) } else { Ok(()) }
}

fn earlier(connection: &Connection, owner: &str, key: &str) -> Result<Option<Job>, JobError> {
    let sql = format!("SELECT {COLUMNS} FROM jobs WHERE owner = ?1 AND idempotency_key = ?2");
    let mut statement = connection.prepare_cached(&sql).map_err(fault)?;
    statement.query_row(params![owner, key], job).optional().map_err(fault)
}

fn same(earlier: Job, new: &Submission) -> Result<Enqueued, JobError> {
    if earlier.kind == new.kind && earlier.payload == new.payload {
        return Ok(Enqueued { job: earlier, existed: true });
    }
    let sentence = "this idempotency key came with another job before: use a new key for a new job";
    Err(JobError::new(JobErrorKind::Conflict, sentence))
}

fn insert(connection: &Connection, new: &Submission, now: JobTime) -> Result<(), JobError> {
    let sql = "INSERT INTO jobs (id, state, ready, priority, created, not_before, revision, kind, owner, idempotency_key, payload)
               VALUES (?1, ?2, 1, ?3, ?4, ?4, ?5, ?6, ?7, ?8, ?9)";
    let revision = next_revision(connection)?;
    let values = params![
        new.id.to_bytes(),
        number(JobState::Queued),
        new.priority.min(PRIORITY_MAX),
        whole(now.0),
        revision,
        new.kind,
        new.owner,
        new.idempotency_key,
        new.payload
    ];
    connection.prepare_cached(sql).and_then(|mut statement| statement.execute(values)).map_err(fault)?;
    Ok(())
}

fn read(connection: &Connection, sql: &str, values: &[&dyn rusqlite::ToSql]) -> Result<u64, JobError> {
    let mut statement = connection.prepare_cached(sql).map_err(fault)?;
    let found: Option<i64> = statement.query_row(values, |row| row.get(0)).optional().map_err(fault)?;
    Ok(found.and_then(|count| u64::try_from(count).ok()).unwrap_or(0))
}

const PRIORITY_MAX: u8 = 9;
