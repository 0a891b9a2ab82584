//! Roughness: how deeply the voice's amplitude is modulated at 30 to 150 Hz, which sets screams apart from other voices (Arnal and others,
//! "Human screams occupy a privileged niche in the communication soundscape", 2015).
//!
//! The cycles of a low voice lie in that band themselves, so it is only looked at below 0.7 times the voice's own pitch.

use crate::fft::{Fft, hann};
use crate::frames::{HOP, MARGIN};
use crate::intake::SAMPLE_RATE;
use crate::loudness::percentile;

/// Tells the roughness of pieces of a quarter of a second.
pub(crate) struct Roughness {
    fft: Fft,
    smoother: Vec<f64>,
    window: Vec<f64>,
    envelope: Vec<f64>,
}

impl Roughness {
    pub(crate) fn new() -> Self {
        let smoother = hann(SMOOTH);
        Self { fft: Fft::new(LENGTH), smoother, window: hann(STEPS), envelope: vec![0.0; STEPS] }
    }

    /// The roughness of each piece of `sound` that is mostly voice: the modulation's depth (1 for a full one, beside a sine's mean).
    /// `pitches` has the pitch of every hop, the first of which begins at [`MARGIN`].
    pub(crate) fn measure(&mut self, sound: &[f32], pitches: &[Option<f64>]) -> Vec<f64> {
        let pieces = pitches.chunks_exact(PIECE_HOPS).enumerate();
        pieces.filter_map(|(piece, pitches)| self.depth(&sound[MARGIN + piece * PIECE..], pitches)).collect()
    }

    fn depth(&mut self, sound: &[f32], pitches: &[Option<f64>]) -> Option<f64> {
        let voiced: Vec<f64> = pitches.iter().copied().flatten().collect();
        if voiced.len() * 5 < pitches.len() * 4 {
            return None;
        }
        let end_hz = (OWN_PITCH * percentile(voiced, 0.5)?).min(HIGH_HZ);
        self.trace(sound);
        let mean = self.envelope.iter().sum::<f64>() / STEPS as f64;
        if mean <= 0.0 {
            return None;
        }
        self.fft.load(self.envelope.iter().zip(&self.window).map(|(level, weight)| (level / mean - 1.0) * weight));
        self.fft.forward();
        let band = (0..self.fft.bins.len()).filter(|&bin| (LOW_HZ..=end_hz).contains(&hz(bin)));
        let power: f64 = band.map(|bin| self.fft.bins[bin].norm_sqr()).sum();
        let weights: f64 = self.window.iter().map(|weight| weight * weight).sum();
        // Twice for the negative frequencies, and twice for the depth of a sine from its mean square.
        Some((4.0 * power / (LENGTH as f64 * weights)).sqrt())
    }

    /// The envelope of a piece, 1000 steps per second: the magnitude, smoothed so far that cycles of high voices are gone.
    fn trace(&mut self, sound: &[f32]) {
        for (step, level) in self.envelope.iter_mut().enumerate() {
            let around = &sound[step * STEP..(step * STEP + SMOOTH).min(sound.len())];
            *level = around.iter().zip(&self.smoother).map(|(&sample, weight)| f64::from(sample.abs()) * weight).sum();
        }
    }
}

/// The frequency of a bin of the envelope's spectrum.
fn hz(bin: usize) -> f64 {
    bin as f64 * (SAMPLE_RATE / STEP) as f64 / LENGTH as f64
}

/// A piece: 250 ms.
const PIECE_HOPS: usize = 25;
const PIECE: usize = PIECE_HOPS * HOP;

/// Samples per step of the envelope, steps per piece, and the transform that holds them.
const STEP: usize = 16;
const STEPS: usize = PIECE / STEP;
const LENGTH: usize = 256;

/// Samples that one value of the envelope is smoothed over: 3 ms.
const SMOOTH: usize = 48;

/// The band, and the share of the voice's own pitch that it stays below.
const LOW_HZ: f64 = 30.0;
const HIGH_HZ: f64 = 150.0;
const OWN_PITCH: f64 = 0.7;

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::TAU;

    #[test]
    fn a_modulation_has_its_depth() {
        for (hz, depth) in [(40.0, 0.3), (70.0, 0.5), (120.0, 0.8)] {
            let at = |n: usize| n as f64 / 16_000.0;
            let sound: Vec<f32> = (0..16_864)
                .map(|n| (0.3 * (1.0 + depth * (TAU * hz * at(n)).sin()) * (TAU * 420.0 * at(n)).sin()) as f32)
                .collect();
            let found = Roughness::new().measure(&sound, &[Some(420.0); 100]);
            assert_eq!(found.len(), 4);
            assert!(found.iter().all(|found| (found / depth - 1.0).abs() < 0.15), "{depth} was told as {found:?}");
            let steady: Vec<f32> = (0..16_864).map(|n| (0.3 * (TAU * 420.0 * at(n)).sin()) as f32).collect();
            assert!(Roughness::new().measure(&steady, &[Some(420.0); 100]).iter().all(|&found| found < 0.03));
        }
    }

    #[test]
    fn what_is_not_voiced_has_none() {
        assert!(Roughness::new().measure(&[0.1; 16_864], &[None; 100]).is_empty());
    }
}
