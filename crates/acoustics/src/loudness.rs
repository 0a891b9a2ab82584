//! Loudness: the root of the mean square, in decibels below full scale. A square wave of full amplitude has 0, a sine −3.01.

use crate::frames::{FRAME, FrameFigures};
use std::sync::LazyLock;

/// The loudness of all frames together, dBFS; none where there is no sound at all.
pub(crate) fn loudness_dbfs(frames: &[FrameFigures]) -> Option<f64> {
    let power = frames.iter().map(|frame| frame.power).sum::<f64>() / frames.len().max(1) as f64;
    (power > SILENCE).then(|| decibels(power))
}

/// The level, dB of mean square, that a share of the levels does not exceed; 0 to 1. None without levels.
pub(crate) fn percentile(mut values: Vec<f64>, share: f64) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let last = values.len().checked_sub(1)?;
    let place = share * last as f64;
    let (low, high) = (place.floor() as usize, place.ceil() as usize);
    Some(values[low] + (values[high] - values[low]) * (place - place.floor()))
}

/// A mean square in decibels; silence at −120.
pub(crate) fn decibels(power: f64) -> f64 {
    10.0 * power.max(SILENCE).log10()
}

/// The mean of the squares.
pub(crate) fn mean_square(samples: &[f32]) -> f64 {
    samples.iter().map(|&sample| f64::from(sample) * f64::from(sample)).sum::<f64>() / samples.len().max(1) as f64
}

/// The mean of a frame's squares under Hann's window.
pub(crate) fn weighted_mean_square(frame: &[f32]) -> f64 {
    static WEIGHTS: LazyLock<Vec<f64>> = LazyLock::new(|| crate::fft::hann(FRAME));
    let sum: f64 =
        frame.iter().zip(&*WEIGHTS).map(|(&sample, weight)| f64::from(sample) * f64::from(sample) * weight).sum();
    sum / (FRAME as f64 / 2.0)
}

/// −120 dBFS as a mean square: below the last bit of 16-bit sound.
const SILENCE: f64 = 1e-12;
