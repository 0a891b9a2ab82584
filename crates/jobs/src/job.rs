//! A job: recorded media to be worked through, and how far it is.

use crate::{JobId, JobTime};

/// A job as the queue knows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// Its name.
    pub id: JobId,
    /// What kind of work it is: the runner knows.
    pub kind: String,
    /// Whose it is: a client's key or address. Empty where nobody in particular asked.
    pub owner: String,
    /// What is to be done, as the runner reads it: JSON.
    pub payload: String,
    /// Higher goes first, from 0 to 9.
    pub priority: u8,
    /// Where it stands.
    pub state: JobState,
    /// How often it was begun, over all restarts.
    pub attempts: u32,
    /// How far the present attempt is.
    pub progress: JobProgress,
    /// What came of it, JSON; there once it is done.
    pub result: Option<String>,
    /// What the last attempt failed with.
    pub failure: Option<JobFailure>,
    /// When it was accepted.
    pub created: JobTime,
    /// When its first attempt began.
    pub started: Option<JobTime>,
    /// When it came to its end.
    pub ended: Option<JobTime>,
    /// Not begun before.
    pub not_before: JobTime,
    /// Whether somebody asked for its end while it runs.
    pub cancel_asked: bool,
    /// Counts every change of any job: [`changes`](crate::JobQueue::changes) goes on from it.
    pub revision: u64,
}

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum JobState {
    /// Waits for a worker.
    Queued,
    /// A worker has it.
    Running,
    /// Finished, and its result is recorded.
    Done,
    /// Given up: every attempt failed, or it cannot succeed. The dead letter.
    Failed,
    /// Ended because somebody asked for it.
    Cancelled,
}

/// How far an attempt is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct JobProgress {
    /// Pieces of work done: frames.
    pub done: u64,
    /// Pieces in all, where that is known.
    pub total: Option<u64>,
}

/// What an attempt failed with. Names no path, address or library text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobFailure {
    /// The stable machine code.
    pub code: String,
    /// A lower-case sentence with the cure.
    pub message: String,
}

/// Whether another attempt may help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempted {
    /// It may: the job goes back with backoff, until its attempts are used up.
    Retry,
    /// It may, and nothing was wrong with the job: what is missing here comes back, such as space on the disk. The job rests for some seconds,
    /// and the attempt does not count.
    Later,
    /// It cannot: the job is a dead letter at once.
    Never,
}

impl JobState {
    /// Every state.
    pub const ALL: [Self; 5] = [Self::Queued, Self::Running, Self::Done, Self::Failed, Self::Cancelled];

    /// The word in JSON, metrics and output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state of that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == word)
    }

    /// Whether nothing more happens to it by itself.
    pub const fn is_end(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Cancelled)
    }
}
