//! A worker's hold on a job: it ends by itself unless it is renewed, and each has a number greater than all before.

use crate::{Job, JobId, JobTime};

/// A job in a worker's hands.
#[derive(Clone, Debug, PartialEq)]
pub struct Lease {
    /// Proves who holds it.
    pub key: LeaseKey,
    /// The job as it was taken.
    pub job: Job,
    /// When the hold ends unless it is renewed.
    pub until: JobTime,
}

/// Proves who holds a job. The token is the fence: only the newest may change the job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LeaseKey {
    /// The job.
    pub id: JobId,
    /// Greater than that of every lease before, of any job.
    pub token: u64,
}

/// What a renewed lease says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Renewed {
    /// When the hold ends now.
    pub until: JobTime,
    /// Whether the job is to be ended.
    pub cancel_asked: bool,
}
