//! What a worker has done since it began.

use std::sync::atomic::{AtomicU64, Ordering};

/// What a worker has done since it began. Counted without a lock; read by whoever shows it.
#[derive(Debug, Default)]
pub struct WorkerFigures {
    running: AtomicU64,
    counts: [AtomicU64; WorkerEvent::ALL.len()],
}

/// Something that happens to a worker's jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WorkerEvent {
    /// A job was taken.
    Claimed,
    /// A result was recorded.
    Completed,
    /// A job was given up: its last attempt failed, or it cannot succeed.
    Failed,
    /// An attempt failed and the job waits for the next.
    Retried,
    /// A job was ended because somebody asked.
    Cancelled,
    /// A job was given back when the worker ended.
    GivenBack,
    /// A lease was lost while the job ran: its result is not recorded.
    LeaseLost,
    /// A run panicked: it cost the attempt.
    Panicked,
    /// A sweep found a lease that had ended: some worker died or hung.
    Expired,
    /// A sweep forgot a finished job.
    Forgotten,
    /// The queue could not be read or written.
    StorageFailed,
}

impl WorkerFigures {
    /// Jobs that run now.
    pub fn running(&self) -> u64 {
        self.running.load(Ordering::Relaxed)
    }

    /// How often that has happened.
    pub fn count(&self, event: WorkerEvent) -> u64 {
        self.counts[event as usize].load(Ordering::Relaxed)
    }

    pub(crate) fn add(&self, event: WorkerEvent, times: usize) {
        self.counts[event as usize].fetch_add(u64::try_from(times).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Counts one job more among those that run, until the guard is dropped.
    pub(crate) fn run(&self) -> Running<'_> {
        self.running.fetch_add(1, Ordering::Relaxed);
        Running(self)
    }
}

impl WorkerEvent {
    /// Every event.
    pub const ALL: [Self; 11] = [
        Self::Claimed,
        Self::Completed,
        Self::Failed,
        Self::Retried,
        Self::Cancelled,
        Self::GivenBack,
        Self::LeaseLost,
        Self::Panicked,
        Self::Expired,
        Self::Forgotten,
        Self::StorageFailed,
    ];

    /// The word in metrics and output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Claimed => "claimed",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Retried => "retried",
            Self::Cancelled => "cancelled",
            Self::GivenBack => "given_back",
            Self::LeaseLost => "lease_lost",
            Self::Panicked => "panicked",
            Self::Expired => "expired",
            Self::Forgotten => "forgotten",
            Self::StorageFailed => "storage_failed",
        }
    }
}

/// A job that runs.
pub(crate) struct Running<'a>(&'a WorkerFigures);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::Relaxed);
    }
}
