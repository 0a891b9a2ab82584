//! Harmonics to noise by Boersma's method ("Accurate short-term analysis of the fundamental frequency and the harmonics-to-noise ratio of
//! a sampled sound", 1993): the height of the autocorrelation's best peak, freed of the window's own, is the periodic share of the power.

use crate::fft::{Fft, hann};
use crate::frames::FRAME;
use crate::intake::SAMPLE_RATE;
use crate::pitch::vertex;

/// Tells how harmonic frames are.
pub(crate) struct Harmonicity {
    fft: Fft,
    window: Vec<f64>,
    /// The window's own autocorrelation by lag, 1 at lag 0.
    of_window: Vec<f64>,
    /// The sound's, freed of it.
    correlation: Vec<f64>,
}

impl Harmonicity {
    pub(crate) fn new() -> Self {
        let mut fft = Fft::new(LENGTH);
        let window = hann(WINDOW);
        fft.load(window.iter().copied());
        autocorrelate(&mut fft);
        let of_window: Vec<f64> = fft.time[..LAG_END].iter().map(|value| value / fft.time[0]).collect();
        Self { fft, window, of_window, correlation: vec![0.0; LAG_END] }
    }

    /// Harmonics to noise of a frame in decibels; none where nothing in it repeats.
    pub(crate) fn hnr_db(&mut self, frame: &[f32]) -> Option<f64> {
        let sound = &frame[START..START + WINDOW];
        let mean = sound.iter().map(|&sample| f64::from(sample)).sum::<f64>() / WINDOW as f64;
        let centred = sound.iter().zip(&self.window).map(|(&sample, weight)| (f64::from(sample) - mean) * weight);
        self.fft.load(centred);
        autocorrelate(&mut self.fft);
        let power = self.fft.time[0];
        if power <= 0.0 {
            return None;
        }
        for lag in 0..LAG_END {
            self.correlation[lag] = self.fft.time[lag] / power / self.of_window[lag];
        }
        let peak = self.best_peak()?;
        // Above 1 the sound grows over the window faster than the window's own fall allows for: as far from periodic as below.
        let periodic = if peak > 1.0 { peak.recip() } else { peak }.clamp(SHARE_MIN, SHARE_MAX);
        Some(10.0 * (periodic / (1.0 - periodic)).log10())
    }

    /// The height of the highest peak among the lags of voices.
    fn best_peak(&self) -> Option<f64> {
        let r = &self.correlation;
        let is_peak = |lag: &usize| r[*lag] > r[lag - 1] && r[*lag] >= r[lag + 1];
        let best = (LAG_MIN..=LAG_MAX).filter(is_peak).max_by(|&a, &b| r[a].total_cmp(&r[b]))?;
        let middle = best as f64 + vertex(&r[best - 1..=best + 1]);
        let around = [-STEP, 0.0, STEP].map(|step| self.at(middle + step));
        let turn = vertex(&around);
        Some(around[1] - 0.25 * (around[0] - around[2]) * turn)
    }

    /// The autocorrelation between its samples, by a sinc under Hann's window: a parabola alone is too low at high pitches.
    fn at(&self, lag: f64) -> f64 {
        let first = (lag.floor() as usize + 1).saturating_sub(DEPTH);
        let last = (lag.floor() as usize + DEPTH).min(LAG_END - 1);
        let part = |n: usize| {
            let away = std::f64::consts::PI * (lag - n as f64);
            let sinc = if away.abs() < 1e-9 { 1.0 } else { away.sin() / away };
            self.correlation[n] * sinc * (0.5 + 0.5 * (away / DEPTH as f64).cos())
        };
        (first..=last).map(part).sum()
    }
}

/// The autocorrelation of what lies in `fft.time`, not scaled.
fn autocorrelate(fft: &mut Fft) {
    fft.forward();
    for bin in &mut fft.bins {
        *bin = bin.norm_sqr().into();
    }
    fft.inverse();
}

/// 60 ms: four and a half periods of 75 Hz, as in the paper.
const WINDOW: usize = 960;
const START: usize = (FRAME - WINDOW) / 2;

/// Long enough for no lag to meet the window's other end.
const LENGTH: usize = 2048;

/// The lags of 800 and of 60 Hz, in samples.
const LAG_MIN: usize = SAMPLE_RATE / 800;
const LAG_MAX: usize = SAMPLE_RATE.div_ceil(60);

/// Lags that are kept: those of voices and what the sinc looks at beyond.
const LAG_END: usize = LAG_MAX + DEPTH + 2;

/// Samples to either side of a place between samples that its value is made from.
const DEPTH: usize = 24;

/// How far, in samples, the places lie apart whose values give the peak's height.
const STEP: f64 = 0.25;

/// Periodic shares are told from −30 to 60 dB; beyond, windows and rounding speak.
const SHARE_MIN: f64 = 1e-3;
const SHARE_MAX: f64 = 1.0 - 1e-6;
