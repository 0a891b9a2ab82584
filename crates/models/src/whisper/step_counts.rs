//! What the decoder batches of a model have done.

use std::sync::atomic::{AtomicU64, Ordering};

/// What the batches of a model have done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StepCounts {
    /// Runs of the decoder.
    pub steps: u64,
    /// Windows that took part, summed over the runs.
    pub windows: u64,
}

/// The same while it grows.
#[derive(Debug, Default)]
pub(super) struct StepCounter {
    steps: AtomicU64,
    windows: AtomicU64,
}

impl StepCounter {
    /// One run for so many windows.
    pub(super) fn note(&self, windows: usize) {
        self.steps.fetch_add(1, Ordering::Relaxed);
        self.windows.fetch_add(windows as u64, Ordering::Relaxed);
    }

    pub(super) fn counts(&self) -> StepCounts {
        StepCounts { steps: self.steps.load(Ordering::Relaxed), windows: self.windows.load(Ordering::Relaxed) }
    }
}
