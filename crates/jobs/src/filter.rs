//! Questions about many jobs at once.

use crate::{Job, JobId, JobState};

/// Which jobs are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobFilter {
    /// Only this owner's; none: everybody's.
    pub owner: Option<String>,
    /// Only in this state.
    pub state: Option<JobState>,
    /// Only those accepted before this one (the newest come first): the next page.
    pub before: Option<JobId>,
    /// At most so many.
    pub limit: usize,
}

/// How many jobs there are in each state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JobCounts {
    /// Wait.
    pub queued: u64,
    /// Are worked on.
    pub running: u64,
    /// Have their result.
    pub done: u64,
    /// Were given up.
    pub failed: u64,
    /// Were cancelled.
    pub cancelled: u64,
    /// Age of the oldest that waits and may begin, in milliseconds.
    pub oldest_queued_ms: u64,
}

/// What a sweep found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Swept {
    /// Leases that ended without a sign of life: their jobs wait again, or were given up.
    pub expired: Vec<Job>,
    /// Finished jobs that were forgotten: their folders may go.
    pub forgotten: Vec<JobId>,
}
