//! Why the queue did not do what it was asked.

use std::borrow::Cow;

/// Why the queue did not do what it was asked: a kind for programs, a sentence with the cure for people. Names no path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{sentence}")]
pub struct JobError {
    kind: JobErrorKind,
    sentence: Cow<'static, str>,
}

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JobErrorKind {
    /// There is no such job, or it is another owner's.
    Unknown,
    /// As many jobs wait as may, in all or of this owner.
    QueueFull,
    /// The job is not in a state in which that can be done.
    State,
    /// Somebody else holds the job now, or it was cancelled or deleted: what this one found is not recorded.
    LeaseLost,
    /// The same idempotency key came with another job.
    Conflict,
    /// The disk is full: nothing was accepted. Goes by itself when there is space again.
    StorageFull,
    /// The database is busy, or the disk fails: nothing was accepted.
    Storage,
    /// The database is damaged or of another version. It is never made anew by itself.
    Corrupt,
}

impl JobError {
    /// An error of that kind with a lower-case sentence.
    pub fn new(kind: JobErrorKind, sentence: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, sentence: sentence.into() }
    }

    /// What went wrong.
    pub const fn kind(&self) -> JobErrorKind {
        self.kind
    }
}

impl JobErrorKind {
    /// The stable machine code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unknown => "job_not_found",
            Self::QueueFull => "job_queue_full",
            Self::State => "job_state",
            Self::LeaseLost => "lease_lost",
            Self::Conflict => "idempotency_conflict",
            Self::StorageFull => "storage_full",
            Self::Storage => "storage_failed",
            Self::Corrupt => "storage_corrupt",
        }
    }
}
