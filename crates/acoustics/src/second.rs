//! One second of sound, measured: what a window is put together from.

use crate::frames::{FRAME, FrameAnalysis, FrameFigures, HOP};
use crate::jitter::jitter;
use crate::perturbation::Perturbation;
use crate::pitch::mend_octaves;
use crate::pulses::pulses;
use crate::roughness::Roughness;
use crate::shimmer::shimmer;

/// What is kept of a second. It may be shorter at the end of a stream.
pub(crate) struct Second {
    /// One per hop: a hundred.
    pub(crate) frames: Vec<FrameFigures>,
    pub(crate) jitter: Perturbation,
    pub(crate) shimmer: Perturbation,
    /// The roughness of its voiced quarters.
    pub(crate) roughness: Vec<f64>,
    /// Samples that came in since the second before, and how many of them were clipped.
    pub(crate) samples: usize,
    pub(crate) clipped: usize,
}

/// Measures seconds, one after another.
pub(crate) struct SecondAnalysis {
    frames: FrameAnalysis,
    roughness: Roughness,
}

impl SecondAnalysis {
    pub(crate) fn new() -> Self {
        Self { frames: FrameAnalysis::new(), roughness: Roughness::new() }
    }

    /// Measures so many hops of `sound`, which has [`crate::frames::MARGIN`] samples before the first and after the last of them.
    pub(crate) fn measure(&mut self, sound: &[f32], hops: usize) -> Second {
        let mut frames: Vec<_> =
            (0..hops).map(|hop| self.frames.measure(&sound[hop * HOP..hop * HOP + FRAME])).collect();
        let mut pitches: Vec<_> = frames.iter().map(|frame| frame.pitch_hz).collect();
        mend_octaves(&mut pitches);
        for (frame, &pitch) in frames.iter_mut().zip(&pitches) {
            frame.pitch_hz = pitch;
        }
        let pulses = pulses(sound, &pitches);
        let (jitter, shimmer) = (jitter(&pulses), shimmer(sound, &pulses));
        let roughness = self.roughness.measure(sound, &pitches);
        Second { frames, jitter, shimmer, roughness, samples: 0, clipped: 0 }
    }
}
