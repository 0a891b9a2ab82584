//! Speech rate without a transcript: syllables are peaks of intensity in voiced parts, with a dip of 2 dB between them (de Jong and Wempe,
//! "Praat script to detect syllable nuclei and measure speech rate automatically", 2009).

use crate::frames::{FrameFigures, HOP_S};
use crate::loudness::{decibels, percentile};

/// Syllables per second over the frames, pauses included; none where nobody speaks.
pub(crate) fn speech_rate_hz(frames: &[FrameFigures]) -> Option<f64> {
    if !frames.iter().any(FrameFigures::is_voiced) {
        return None;
    }
    let levels = contour(frames);
    let threshold = percentile(levels.clone(), LOUD)? - BELOW_LOUD_DB;
    let nuclei = parted(&levels, &peaks(&levels, threshold));
    let syllables = nuclei.iter().filter(|&&peak| is_voiced_about(frames, peak)).count();
    Some(syllables as f64 / (frames.len() as f64 * HOP_S))
}

/// Whether there is voice at a peak: the smooth contour is at its highest some hops beside the loudest frame.
fn is_voiced_about(frames: &[FrameFigures], peak: usize) -> bool {
    frames[peak.saturating_sub(2)..(peak + 3).min(frames.len())].iter().any(FrameFigures::is_voiced)
}

/// The intensity in dB over three hops at a time: together with the frame's own window about as smooth as Praat's at a pitch of 50 Hz.
fn contour(frames: &[FrameFigures]) -> Vec<f64> {
    let around = |hop: usize| &frames[hop.saturating_sub(1)..(hop + 2).min(frames.len())];
    let mean = |part: &[FrameFigures]| part.iter().map(|frame| frame.intensity).sum::<f64>() / part.len() as f64;
    (0..frames.len()).map(|hop| decibels(mean(around(hop)))).collect()
}

/// Where the contour turns down, above the threshold.
fn peaks(levels: &[f64], threshold: f64) -> Vec<usize> {
    let is_peak = |&i: &usize| levels[i] > threshold && levels[i] > levels[i - 1] && levels[i] >= levels[i + 1];
    (1..levels.len().saturating_sub(1)).filter(is_peak).collect()
}

/// The peaks that the contour falls from by enough before the next, and the last.
fn parted(levels: &[f64], peaks: &[usize]) -> Vec<usize> {
    let falls = |pair: &&[usize]| {
        let lowest = levels[pair[0]..pair[1]].iter().copied().fold(f64::INFINITY, f64::min);
        levels[pair[0]] - lowest > DIP_DB
    };
    let kept = peaks.windows(2).filter(falls).map(|pair| pair[0]);
    kept.chain(peaks.last().copied()).collect()
}

/// The paper's settings: peaks count from 25 dB below the loudest (its 0.99 quantile), parted by 2 dB.
const LOUD: f64 = 0.99;
const BELOW_LOUD_DB: f64 = 25.0;
const DIP_DB: f64 = 2.0;
