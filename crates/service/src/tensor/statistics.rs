//! What a model has done for tensor requests, in the shape of Triton's statistics.

use std::time::{Duration, SystemTime};

/// What a model has done for tensor requests since the server began. Requests of other surfaces are on the metrics page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelStatistics {
    /// Its configured name.
    pub name: String,
    /// The version that serves, as a number; `1` where none does.
    pub version: String,
    /// When the last request ran.
    pub last_inference: Option<SystemTime>,
    /// Rows that went through it: a request of batch 8 counts 8.
    pub inference_count: u64,
    /// Runs of the engine: requests that shared one count once together.
    pub execution_count: u64,
    /// Requests with an answer, whole.
    pub success: Share,
    /// Requests without one, of those that named the model rightly.
    pub fail: Share,
    /// Waiting in the queue.
    pub queue: Share,
    /// Writing inputs.
    pub compute_input: Share,
    /// The engine's own time.
    pub compute_infer: Share,
    /// Reading outputs.
    pub compute_output: Share,
    /// The same by rows of a run, the smallest first.
    pub batches: Vec<BatchStatistics>,
    /// Bytes of memory that it keeps; 0 where it is not loaded.
    pub memory_bytes: u64,
}

/// How often, and how long all together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// How often.
    pub count: u64,
    /// How long all together.
    pub total: Duration,
}

/// What runs of one size took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BatchStatistics {
    /// Rows of a run.
    pub batch_size: u64,
    /// Writing inputs.
    pub compute_input: Share,
    /// The engine's own time.
    pub compute_infer: Share,
    /// Reading outputs.
    pub compute_output: Share,
}

impl Share {
    pub(super) fn add(&mut self, took: Duration) {
        self.count += 1;
        self.total = self.total.saturating_add(took);
    }
}
