//! Frames: 64 ms of sound around every hop of 10 ms, and what is measured on each.

use crate::harmonicity::Harmonicity;
use crate::intake::SAMPLE_RATE;
use crate::loudness::{mean_square, weighted_mean_square};
use crate::pitch::PitchTracker;
use crate::spectrum::{Spectrum, SpectrumFigures};

/// Samples from one frame to the next: 10 ms.
pub(crate) const HOP: usize = 160;

/// Samples of a frame: 64 ms, with its hop in the middle.
pub(crate) const FRAME: usize = 1024;

/// Samples of a frame before its hop, and as many after it.
pub(crate) const MARGIN: usize = (FRAME - HOP) / 2;

/// Hops per second.
pub(crate) const HOPS_PER_SECOND: usize = SAMPLE_RATE / HOP;

/// A hop's length in seconds.
pub(crate) const HOP_S: f64 = HOP as f64 / SAMPLE_RATE as f64;

/// What one hop is below which nothing is told of it but its energy: −60 dBFS as a mean square.
const HEARD: f64 = 1e-6;

/// What was measured on one frame.
#[derive(Clone, Copy)]
pub(crate) struct FrameFigures {
    /// Mean square of the hop alone.
    pub(crate) power: f64,
    /// Mean square of the frame, weighted towards its middle: the smooth contour that syllables are counted on.
    pub(crate) intensity: f64,
    /// The spectrum's figures; none where the hop is too quiet to be heard.
    pub(crate) spectrum: Option<SpectrumFigures>,
    /// The voice's pitch in hertz; none where there is no voice.
    pub(crate) pitch_hz: Option<f64>,
    /// Harmonics to noise in decibels; none where there is no voice.
    pub(crate) hnr_db: Option<f64>,
}

impl FrameFigures {
    /// Whether the frame holds voice.
    pub(crate) const fn is_voiced(&self) -> bool {
        self.pitch_hz.is_some()
    }
}

/// Measures frames, one after another.
pub(crate) struct FrameAnalysis {
    pitch: PitchTracker,
    harmonicity: Harmonicity,
    spectrum: Spectrum,
}

impl FrameAnalysis {
    pub(crate) fn new() -> Self {
        Self { pitch: PitchTracker::new(), harmonicity: Harmonicity::new(), spectrum: Spectrum::new() }
    }

    /// The figures of `frame`: [`FRAME`] samples that follow, by one hop, those of the frame before.
    pub(crate) fn measure(&mut self, frame: &[f32]) -> FrameFigures {
        let power = mean_square(&frame[MARGIN..MARGIN + HOP]);
        let intensity = weighted_mean_square(frame);
        if power < HEARD {
            self.spectrum.forget();
            return FrameFigures { power, intensity, spectrum: None, pitch_hz: None, hnr_db: None };
        }
        let spectrum = Some(self.spectrum.measure(frame));
        let pitch_hz = self.pitch.pitch_hz(frame);
        let hnr_db = pitch_hz.and_then(|_| self.harmonicity.hnr_db(frame));
        FrameFigures { power, intensity, spectrum, pitch_hz, hnr_db }
    }
}
