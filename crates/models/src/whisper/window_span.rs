//! Where a window lies in its recording.

use super::Checkpoint;

/// A window's place, in samples of 16 kHz.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowSpan {
    /// Its first sample, from the beginning of the recording.
    pub first_sample: u64,
    /// Samples of sound in it: at most those of 30 s.
    pub samples: usize,
}

impl WindowSpan {
    /// Whole frames of 10 ms with sound.
    pub const fn frames(&self) -> usize {
        self.samples / Checkpoint::HOP
    }

    /// Where it begins, in seconds.
    pub fn start_s(&self) -> f64 {
        self.first_sample as f64 / f64::from(Checkpoint::SAMPLE_RATE)
    }

    /// How long its sound is, in seconds.
    pub fn duration_s(&self) -> f64 {
        self.frames() as f64 * FRAME_S
    }
}

/// Length of a frame, in seconds.
pub(super) const FRAME_S: f64 = 0.01;
