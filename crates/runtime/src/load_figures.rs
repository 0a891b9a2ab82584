//! What a load took: time, runs and memory.

use std::time::Duration;

/// What loading and warming a generation took.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LoadFigures {
    /// Reading the weights, comparing precisions included.
    pub load: Duration,
    /// All slots and lanes.
    pub warm_up: Duration,
    /// The very first run, in the slot where it took longest.
    pub first_run: Duration,
    /// The run that the latency settled at, of the commonest shape and one row: the median in the slot where it took longest.
    pub settled_run: Duration,
    /// Runs that the warm-up needed, over all slots and lanes.
    pub warm_up_runs: u32,
    /// Bytes that the process grew by, weights and run memory together; a share by weight where loads overlapped.
    pub memory_bytes: u64,
    /// The most bytes by which the process had grown at any time of the load and the warm-up; shared out likewise. What a load needs
    /// for a moment beside what it keeps.
    pub peak_bytes: u64,
    /// Largest relative difference from f32 on the warm-up input; none where it runs in f32.
    pub precision_error: Option<f32>,
}
