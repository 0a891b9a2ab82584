//! The spectrum of frames: its centre of gravity, how fast it changes, and what share of the energy lies in which band.

use crate::fft::{Fft, hann};
use crate::frames::FRAME;
use crate::intake::SAMPLE_RATE;

/// What the spectrum of one frame tells.
#[derive(Clone, Copy)]
pub(crate) struct SpectrumFigures {
    /// The mean of the frequencies, weighted by magnitude, in hertz.
    pub(crate) centroid_hz: f64,
    /// The distance of the magnitudes, scaled to a sum of 1, from those of the frame before; none for a first.
    pub(crate) flux: Option<f64>,
    /// The energy's shares below 1 kHz, from 1 to 4 kHz and above; they add up to 1.
    pub(crate) bands: [f64; 3],
    /// The geometric by the arithmetic mean of the powers from 300 Hz to 6 kHz: 0 for a tone, about 0.56 for white noise.
    pub(crate) flatness: f64,
}

/// Measures spectra of frames that follow each other.
pub(crate) struct Spectrum {
    fft: Fft,
    window: Vec<f64>,
    magnitudes: Vec<f64>,
    /// The magnitudes of the frame before by their sum; empty where there is none.
    last: Vec<f64>,
}

impl Spectrum {
    pub(crate) fn new() -> Self {
        let fft = Fft::new(LENGTH);
        let magnitudes = vec![0.0; fft.bins.len()];
        let last = Vec::with_capacity(fft.bins.len());
        Self { fft, window: hann(LENGTH), magnitudes, last }
    }

    /// The figures of a frame that can be heard.
    pub(crate) fn measure(&mut self, frame: &[f32]) -> SpectrumFigures {
        let sound = &frame[START..START + LENGTH];
        self.fft.load(sound.iter().zip(&self.window).map(|(&sample, weight)| f64::from(sample) * weight));
        self.fft.forward();
        for (magnitude, bin) in self.magnitudes.iter_mut().zip(&self.fft.bins) {
            *magnitude = bin.norm();
        }
        let sum = self.magnitudes.iter().sum::<f64>().max(f64::MIN_POSITIVE);
        let centroid_hz = self.magnitudes.iter().enumerate().map(|(bin, value)| hz(bin) * value).sum::<f64>() / sum;
        SpectrumFigures { centroid_hz, flux: self.flux(sum), bands: self.bands(), flatness: self.flatness() }
    }

    /// The next frame follows none.
    pub(crate) fn forget(&mut self) {
        self.last.clear();
    }

    fn flux(&mut self, sum: f64) -> Option<f64> {
        let squares = self.magnitudes.iter().zip(&self.last).map(|(now, last)| (now / sum - last).powi(2));
        let flux = (!self.last.is_empty()).then(|| squares.sum::<f64>().sqrt());
        self.last.clear();
        self.last.extend(self.magnitudes.iter().map(|magnitude| magnitude / sum));
        flux
    }

    fn bands(&self) -> [f64; 3] {
        let mut bands = [0.0; 3];
        for (bin, magnitude) in self.magnitudes.iter().enumerate() {
            let band = BAND_EDGES_HZ.iter().filter(|&&edge| hz(bin) >= edge).count();
            bands[band] += magnitude * magnitude;
        }
        let sum = bands.iter().sum::<f64>().max(f64::MIN_POSITIVE);
        bands.map(|band| band / sum)
    }

    fn flatness(&self) -> f64 {
        let (first, last) = (300 * LENGTH / SAMPLE_RATE, 6_000 * LENGTH / SAMPLE_RATE);
        let powers = self.magnitudes[first..=last].iter().map(|magnitude| magnitude * magnitude + 1e-12);
        let count = (last - first + 1) as f64;
        let (logs, sum) = powers.fold((0.0, 0.0), |(logs, sum), power| (logs + power.ln(), sum + power));
        (logs / count).exp() / (sum / count)
    }
}

/// The frequency of a bin.
fn hz(bin: usize) -> f64 {
    (bin * SAMPLE_RATE) as f64 / LENGTH as f64
}

/// 32 ms in the middle of the frame.
const LENGTH: usize = 512;
const START: usize = (FRAME - LENGTH) / 2;

/// Where the bands meet.
const BAND_EDGES_HZ: [f64; 2] = [1_000.0, 4_000.0];
