//! What the decoder batches of a model have done.

use std::sync::atomic::{AtomicU64, Ordering};

/// What the batches of a model have done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StepCounts {
    /// Runs of the decoder.
    pub steps: u64,
    /// Windows that took part, summed over the runs.
    pub windows: u64,
    /// Runs of a form that neither the warm-up nor an earlier run had: engines prepare each once.
    pub forms: u64,
}

/// The same while it grows.
#[derive(Debug, Default)]
pub(super) struct StepCounter {
    steps: AtomicU64,
    windows: AtomicU64,
    forms: AtomicU64,
}

impl StepCounter {
    /// One run for so many windows, `forms` parts of which had a form of their own.
    pub(super) fn note(&self, windows: usize, forms: u64) {
        self.steps.fetch_add(1, Ordering::Relaxed);
        self.windows.fetch_add(windows as u64, Ordering::Relaxed);
        self.forms.fetch_add(forms, Ordering::Relaxed);
    }

    pub(super) fn counts(&self) -> StepCounts {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        StepCounts { steps: of(&self.steps), windows: of(&self.windows), forms: of(&self.forms) }
    }
}
