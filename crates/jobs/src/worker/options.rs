//! How a worker works.

use std::time::Duration;

/// How a worker works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerOptions {
    /// Its name in leases and logs.
    pub name: String,
    /// Jobs at the same time.
    pub jobs_at_once: usize,
    /// How often an idle worker looks for a job, where nobody wakes it.
    pub poll: Duration,
    /// How often the lease of a running job is renewed: a third of the policy's lease.
    pub heartbeat: Duration,
    /// How long a job may take to end once it is told to.
    pub grace: Duration,
}
