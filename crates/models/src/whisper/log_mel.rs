//! The front end: samples to the log-mel spectrogram that the encoder takes.

use super::Checkpoint;
use super::mel_filters::{MelFilter, mel_filters};
use realfft::num_complex::Complex;
use realfft::{RealFftPlanner, RealToComplex};
use std::fmt;
use std::sync::Arc;

/// The log-mel spectrogram of Whisper, within 1e-4 of transformers' `WhisperFeatureExtractor`: windows of 25 ms (Hann) every
/// 10 ms, the sound mirrored at both ends, the bands' energies as logarithms down to 8 decades below the window's highest.
///
/// The reference takes the highest of a whole recording; here it is that of the window, so that recordings need not be in memory.
pub struct LogMel {
    mels: usize,
    frames: usize,
    hann: Vec<f32>,
    filters: Vec<MelFilter>,
    fft: Arc<dyn RealToComplex<f32>>,
}

/// What [`LogMel::write`] works in: made once for each thread, some 15 kB.
#[derive(Debug)]
pub struct LogMelScratch {
    frame: Vec<f32>,
    spectrum: Vec<Complex<f32>>,
    fft: Vec<Complex<f32>>,
    power: Vec<f32>,
    /// `[mels, TILE]`.
    tile: Vec<f32>,
}

/// Samples of a frame's window.
const WIDTH: usize = 400;
/// Bins of a frame's spectrum.
const BINS: usize = WIDTH / 2 + 1;
/// Frames that are written together, so that a band's numbers fill a line of the cache.
const TILE: usize = 16;
/// The least energy, and its logarithm.
const ENERGY_MIN: f32 = 1e-10;

impl LogMel {
    /// The front end of that model.
    pub fn of(checkpoint: &Checkpoint) -> Self {
        Self::new(checkpoint.mels, checkpoint.frames())
    }

    /// With so many bands (80 or 128) and frames (3,000 for 30 s).
    pub fn new(mels: usize, frames: usize) -> Self {
        let turn = std::f64::consts::TAU / WIDTH as f64;
        Self {
            mels,
            frames,
            hann: (0..WIDTH).map(|at| (0.5 - 0.5 * (turn * at as f64).cos()) as f32).collect(),
            filters: mel_filters(mels, BINS),
            fft: RealFftPlanner::new().plan_fft_forward(WIDTH),
        }
    }

    /// Samples of a whole window at 16 kHz.
    pub const fn samples(&self) -> usize {
        self.frames * Checkpoint::HOP
    }

    /// Numbers of a spectrogram.
    pub const fn len(&self) -> usize {
        self.mels * self.frames
    }

    /// Whether a spectrogram has no numbers.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Room to work in.
    pub fn scratch(&self) -> LogMelScratch {
        LogMelScratch {
            frame: self.fft.make_input_vec(),
            spectrum: self.fft.make_output_vec(),
            fft: self.fft.make_scratch_vec(),
            power: vec![0.0; BINS],
            tile: vec![0.0; self.mels * TILE],
        }
    }

    /// Writes `[mels, frames]` of mono samples at 16 kHz, -1 to 1. Silence follows where they are fewer than a window has; what is more
    /// is left out.
    ///
    /// # Panics
    /// Where `out` has not [`len`](Self::len) numbers.
    pub fn write(&self, samples: &[f32], out: &mut [f32], scratch: &mut LogMelScratch) {
        assert_eq!(out.len(), self.len(), "the spectrogram has mels times frames numbers");
        let samples = &samples[..samples.len().min(self.samples())];
        for first in (0..self.frames).step_by(TILE) {
            let count = TILE.min(self.frames - first);
            for column in 0..count {
                self.write_frame(samples, first + column, column, scratch);
            }
            for (row, tile) in out.chunks_exact_mut(self.frames).zip(scratch.tile.chunks_exact(TILE)) {
                row[first..first + count].copy_from_slice(&tile[..count]);
            }
        }
        level(out);
    }

    /// Writes the logarithms of one frame's bands as a column of the tile.
    fn write_frame(&self, samples: &[f32], frame: usize, column: usize, scratch: &mut LogMelScratch) {
        let tile = scratch.tile.iter_mut().skip(column).step_by(TILE);
        if !self.take_in(samples, frame, &mut scratch.frame) {
            tile.for_each(|band| *band = ENERGY_MIN.log10());
            return;
        }
        let (input, spectrum) = (&mut scratch.frame, &mut scratch.spectrum);
        self.fft
            .process_with_scratch(input, spectrum, &mut scratch.fft)
            .expect("the buffers are those of this transform");
        scratch.power.iter_mut().zip(&*spectrum).for_each(|(power, bin)| *power = bin.norm_sqr());
        for (band, filter) in tile.zip(&self.filters) {
            let bins = &scratch.power[filter.first..];
            let energy: f32 = filter.weights.iter().zip(bins).map(|(weight, power)| weight * power).sum();
            *band = energy.max(ENERGY_MIN).log10();
        }
    }

    /// The frame's samples under its window; false where all of them are silence behind the end.
    fn take_in(&self, samples: &[f32], frame: usize, into: &mut [f32]) -> bool {
        let (total, half) = (self.samples(), WIDTH / 2);
        let centre = frame * Checkpoint::HOP;
        if centre >= half && centre + half <= total {
            let from = centre - half;
            let Some(there) = samples.get(from..).filter(|there| !there.is_empty()) else { return false };
            let count = there.len().min(WIDTH);
            into[count..].fill(0.0);
            let windowed = into.iter_mut().zip(there).zip(&self.hann);
            windowed.for_each(|((to, sample), weight)| *to = sample * weight);
            return true;
        }
        for (at, (to, weight)) in into.iter_mut().zip(&self.hann).enumerate() {
            let index = mirrored((centre + at) as isize - half as isize, total);
            *to = samples.get(index).map_or(0.0, |sample| sample * weight);
        }
        true
    }
}

impl fmt::Debug for LogMel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "log-mel of {} bands in {} frames", self.mels, self.frames)
    }
}

/// Holds all within 8 decades below the highest, and brings them to about -1 to 1.
fn level(out: &mut [f32]) {
    let floor = super::log_sum::highest(out) - 8.0;
    out.iter_mut().for_each(|value| *value = (value.max(floor) + 4.0) / 4.0);
}

/// The sound goes back from its ends, without saying the last sample twice.
fn mirrored(index: isize, total: usize) -> usize {
    let last = total as isize - 1;
    let index = index.unsigned_abs() as isize;
    (if index > last { 2 * last - index } else { index }).clamp(0, last) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_even_and_a_short_sound_is_that_sound_before_silence() {
        let front = LogMel::new(80, 100);
        let (mut scratch, mut out) = (front.scratch(), vec![0.0; front.len()]);
        front.write(&[], &mut out, &mut scratch);
        assert!(out.iter().all(|&value| value == (-10.0 + 4.0) / 4.0));
        let sound: Vec<f32> = (0..5_000).map(|at| (at as f32 * 0.3).sin() * 0.5).collect();
        let mut padded = sound.clone();
        padded.resize(front.samples(), 0.0);
        let mut whole = vec![0.0; front.len()];
        front.write(&sound, &mut out, &mut scratch);
        front.write(&padded, &mut whole, &mut scratch);
        assert_eq!(out, whole);
        padded.extend([1.0; 99]);
        front.write(&padded, &mut out, &mut scratch);
        assert_eq!(out, whole);
    }

    #[test]
    fn the_ends_are_mirrored() {
        assert_eq!([-3, -1, 0, 9, 10, 12].map(|index| mirrored(index, 10)), [3, 1, 0, 9, 8, 6]);
    }
}
