//! Shimmer (local, as Praat has it): how much the voice's amplitude changes from one cycle to the next, by the mean amplitude.

use crate::perturbation::Perturbation;

/// The perturbation of the amplitudes at marks; one list of marks, in samples of `sound`, per stretch of voice.
pub(crate) fn shimmer(sound: &[f32], pulses: &[Vec<f64>]) -> Perturbation {
    let mut found = Perturbation::default();
    for marks in pulses {
        let around = marks.windows(3);
        let amplitudes: Vec<f64> =
            around.map(|three| amplitude(sound, three[1], [three[1] - three[0], three[2] - three[1]])).collect();
        found.add(&amplitudes, FACTOR_MAX);
    }
    found
}

/// The root of the mean square around a mark under a Hann window that reaches a fifth of the neighbouring periods to either side.
fn amplitude(sound: &[f32], at: f64, periods: [f64; 2]) -> f64 {
    let [before, after] = periods.map(|period| REACH * period);
    let first = (at - before).ceil().max(0.0) as usize;
    let last = ((at + after).floor().max(0.0) as usize).min(sound.len() - 1);
    let (mut squares, mut weights) = (0.0, 0.0);
    for (n, &sample) in sound.iter().enumerate().take(last + 1).skip(first) {
        let away = n as f64 - at;
        let weight = 0.5 + 0.5 * (std::f64::consts::PI * away / if away < 0.0 { before } else { after }).cos();
        squares += (f64::from(sample) * weight).powi(2);
        weights += weight * weight;
    }
    if weights > 0.0 { (squares / weights).sqrt() } else { 0.0 }
}

/// How far the window reaches, in periods.
const REACH: f64 = 0.2;

/// Neighbours that differ more are not compared (Praat's standard setting).
const FACTOR_MAX: f64 = 1.6;
