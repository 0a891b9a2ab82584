//! What people ask of a job: cancel, retry, delete.

use super::enqueue::refuse_full;
use super::fault::fault;
use super::row::{get, next_revision, number, whole};
use super::settle::cancel_now;
use crate::{Job, JobError, JobErrorKind, JobId, JobPolicy, JobState, JobTime};
use rusqlite::{Connection, params};

/// Asks for a job's end.
pub fn cancel(connection: &Connection, id: JobId, now: JobTime) -> Result<Job, JobError> {
    let job = get(connection, id)?;
    match job.state {
        JobState::Queued => cancel_now(connection, id, now)?,
        JobState::Running if !job.cancel_asked => ask(connection, id)?,
        JobState::Running | JobState::Cancelled => {}
        JobState::Done | JobState::Failed => {
            return Err(wrong("the job has ended already: there is nothing to cancel"));
        }
    }
    get(connection, id)
}

/// Lets a job that was given up or cancelled wait again, as if it were new.
pub fn retry(connection: &Connection, policy: &JobPolicy, id: JobId, now: JobTime) -> Result<Job, JobError> {
    let job = get(connection, id)?;
    if !matches!(job.state, JobState::Failed | JobState::Cancelled) {
        return Err(wrong("only a failed or cancelled job can be retried: wait for its end, or hand in a new one"));
    }
    refuse_full(connection, policy, &job.owner)?;
    let sql = "UPDATE jobs SET state = ?2, ready = 1, attempts = 0, done = 0, total = NULL, started = NULL, ended = NULL,
               not_before = ?3, cancel_asked = 0, revision = ?4, failure_code = NULL, failure_message = NULL WHERE id = ?1";
    let values = params![id.to_bytes(), number(JobState::Queued), whole(now.0), next_revision(connection)?];
    connection.prepare_cached(sql).and_then(|mut statement| statement.execute(values)).map_err(fault)?;
    get(connection, id)
}

/// Forgets a job that has ended.
pub fn delete(connection: &Connection, id: JobId) -> Result<(), JobError> {
    if !get(connection, id)?.state.is_end() {
        return Err(wrong("the job has not ended: cancel it first"));
    }
    remove(connection, id)
}

/// Removes the row.
pub fn remove(connection: &Connection, id: JobId) -> Result<(), JobError> {
    let sql = "DELETE FROM jobs WHERE id = ?1";
    connection.prepare_cached(sql).and_then(|mut statement| statement.execute([id.to_bytes()])).map_err(fault)?;
    Ok(())
}

fn ask(connection: &Connection, id: JobId) -> Result<(), JobError> {
    let sql = "UPDATE jobs SET cancel_asked = 1, revision = ?2 WHERE id = ?1";
    let values = params![id.to_bytes(), next_revision(connection)?];
    connection.prepare_cached(sql).and_then(|mut statement| statement.execute(values)).map_err(fault)?;
    Ok(())
}

fn wrong(sentence: &'static str) -> JobError {
    JobError::new(JobErrorKind::State, sentence)
}
