//! The Fourier transform of one length, forth and back, with the memory it needs.

use realfft::num_complex::Complex;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};
use std::sync::Arc;

/// Transforms real signals of one length.
pub(crate) struct Fft {
    forward: Arc<dyn RealToComplex<f64>>,
    inverse: Arc<dyn ComplexToReal<f64>>,
    scratch: Vec<Complex<f64>>,
    /// What [`Fft::forward`] transforms, and destroys.
    pub(crate) time: Vec<f64>,
    /// What [`Fft::forward`] gives, `length / 2 + 1` bins, and [`Fft::inverse`] transforms, and destroys.
    pub(crate) bins: Vec<Complex<f64>>,
}

impl Fft {
    pub(crate) fn new(length: usize) -> Self {
        let mut planner = RealFftPlanner::new();
        let forward = planner.plan_fft_forward(length);
        let inverse = planner.plan_fft_inverse(length);
        let scratch = forward.get_scratch_len().max(inverse.get_scratch_len());
        let (time, bins) = (forward.make_input_vec(), forward.make_output_vec());
        Self { forward, inverse, scratch: vec![Complex::default(); scratch], time, bins }
    }

    /// `bins` from `time`.
    pub(crate) fn forward(&mut self) {
        let scratch = &mut self.scratch[..self.forward.get_scratch_len()];
        self.forward
            .process_with_scratch(&mut self.time, &mut self.bins, scratch)
            .expect("both are of the plan's length");
    }

    /// `time` from `bins`, multiplied by the length. What the first and the last bin have of an imaginary part is dropped.
    pub(crate) fn inverse(&mut self) {
        let scratch = &mut self.scratch[..self.inverse.get_scratch_len()];
        for end in [0, self.bins.len() - 1] {
            self.bins[end].im = 0.0;
        }
        self.inverse
            .process_with_scratch(&mut self.bins, &mut self.time, scratch)
            .expect("both are of the plan's length");
    }

    /// `time` from the beginning: these samples, then zeros.
    pub(crate) fn load(&mut self, samples: impl Iterator<Item = f64>) {
        self.time.fill(0.0);
        for (slot, sample) in self.time.iter_mut().zip(samples) {
            *slot = sample;
        }
    }
}

/// Hann's window of that length, periodic: it begins with 0 and would end with it one later.
pub(crate) fn hann(length: usize) -> Vec<f64> {
    let step = std::f64::consts::TAU / length as f64;
    (0..length).map(|n| 0.5 - 0.5 * (step * n as f64).cos()).collect()
}
