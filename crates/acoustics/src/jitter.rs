//! Jitter (local, as Praat has it): how much the voice's period changes from one cycle to the next, by the mean period.

use crate::intake::SAMPLE_RATE;
use crate::perturbation::Perturbation;

/// The perturbation of the periods between marks; one list of marks, in samples, per stretch of voice.
pub(crate) fn jitter(pulses: &[Vec<f64>]) -> Perturbation {
    let mut found = Perturbation::default();
    for marks in pulses {
        let periods: Vec<f64> = marks.windows(2).map(|pair| pair[1] - pair[0]).collect();
        for stretch in periods.split(|period| !(PERIOD_MIN..=PERIOD_MAX).contains(period)) {
            found.add(stretch, FACTOR_MAX);
        }
    }
    found
}

/// What counts as a period: 0.1 to 20 ms, and neighbours at most 1.3 times each other (Praat's standard settings).
const PERIOD_MIN: f64 = 0.0001 * SAMPLE_RATE as f64;
const PERIOD_MAX: f64 = 0.02 * SAMPLE_RATE as f64;
const FACTOR_MAX: f64 = 1.3;
