//! A job that somebody hands in.

use crate::{Job, JobId};

/// A job that somebody hands in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submission {
    /// The name that it is to have: chosen before, since an upload lies in its folder already.
    pub id: JobId,
    /// What kind of work.
    pub kind: String,
    /// Whose it is.
    pub owner: String,
    /// What is to be done, JSON.
    pub payload: String,
    /// Higher goes first, from 0 to 9.
    pub priority: u8,
    /// The same key of the same owner is the same job: handed in twice, accepted once.
    pub idempotency_key: Option<String>,
}

/// What became of a submission. It is told only after the commit.
#[derive(Clone, Debug, PartialEq)]
pub struct Enqueued {
    /// The job: where the key was known, the earlier one.
    pub job: Job,
    /// Whether it was there before.
    pub existed: bool,
}
