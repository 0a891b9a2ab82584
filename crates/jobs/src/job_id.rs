//! The name of a job.

use samovar_store::RandomId;

/// The name of a job.
pub type JobId = RandomId<JobName>;

/// What makes a name that of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum JobName {}
