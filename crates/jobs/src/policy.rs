//! The bounds of a queue, and how often and when a job is tried again.

use std::time::Duration;

/// The bounds of a queue, and how often and when a job is tried again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobPolicy {
    /// Jobs that wait or run, in all.
    pub jobs_max: u64,
    /// Jobs that wait or run of one owner.
    pub owner_jobs_max: u64,
    /// How often a job is begun before it is given up.
    pub attempts_max: u32,
    /// How long a worker holds a job without a sign of life.
    pub lease: Duration,
    /// The wait after the first failure; it doubles with each further one.
    pub backoff_first: Duration,
    /// The longest wait.
    pub backoff_max: Duration,
    /// How long finished jobs and their results are kept.
    pub retention: Duration,
    /// Finished jobs that are kept; the oldest goes first.
    pub finished_max: u64,
}

impl Default for JobPolicy {
    /// 100,000 jobs, 10,000 of one owner, 5 attempts, 30 s of lease, 1 s to 5 min of backoff, 7 days.
    fn default() -> Self {
        Self {
            jobs_max: 100_000,
            owner_jobs_max: 10_000,
            attempts_max: 5,
            lease: Duration::from_secs(30),
            backoff_first: Duration::from_secs(1),
            backoff_max: Duration::from_secs(300),
            retention: Duration::from_secs(7 * 24 * 3600),
            finished_max: 100_000,
        }
    }
}
