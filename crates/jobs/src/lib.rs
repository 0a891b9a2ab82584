//! Jobs that survive: a durable queue with leases, attempts, backoff and dead letters, and the worker that takes from it.
//!
//! Delivery is at least once and a result is recorded exactly once: whoever holds the newest lease of a job may record it, nobody else.
//! The queue never asks a clock: the time is an argument. Names no pipeline and no wire.

#![forbid(unsafe_code)]

mod error;
mod filter;
mod job;
mod job_id;
mod job_time;
mod lease;
mod policy;
mod queue;
mod runner;
mod sqlite;
mod submission;
mod worker;

pub use error::{JobError, JobErrorKind};
pub use filter::{JobCounts, JobFilter, Swept};
pub use job::{Attempted, Job, JobFailure, JobProgress, JobState};
pub use job_id::{JobId, JobName};
pub use job_time::JobTime;
pub use lease::{Lease, LeaseKey, Renewed};
pub use policy::JobPolicy;
pub use queue::{JobFuture, JobQueue};
pub use runner::{JobContext, JobRunner, RunEnd};
pub use sqlite::{SqliteLimits, SqliteQueue};
pub use submission::{Enqueued, Submission};
pub use worker::{Worker, WorkerEvent, WorkerFigures, WorkerOptions};
