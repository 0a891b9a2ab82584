//! Smoothing of scores along time for recorded video, as STG-NF's own evaluation does it: Gaussians of 1 to 6 frames, one after
//! the other. Each is scipy's `gaussian_filter1d` with its defaults: the ends mirrored, cut off at four standard deviations.

/// Standard deviations of the Gaussians, in frames, in the order in which they are laid over the scores.
const SIGMAS: std::ops::RangeInclusive<u32> = 1..=6;
/// Standard deviations at which a Gaussian is cut off.
const TRUNCATE: f64 = 4.0;

/// Smooths `scores`, one for each frame, in place. The whole recording must be known: a live stream has to smooth by what was.
/// A score that is not a finite number spoils those around it.
pub fn smooth_scores(scores: &mut [f32]) {
    let mut values: Vec<f64> = scores.iter().map(|score| f64::from(*score)).collect();
    for sigma in SIGMAS {
        values = smoothed(&values, &kernel(f64::from(sigma)));
    }
    for (score, value) in scores.iter_mut().zip(values) {
        *score = value as f32;
    }
}

/// The weights from the middle outwards; both wings together have the sum 1.
fn kernel(sigma: f64) -> Vec<f64> {
    let radius = (TRUNCATE * sigma + 0.5) as u32;
    let weights: Vec<f64> = (0..=radius).map(|x| (-0.5 * (f64::from(x) / sigma).powi(2)).exp()).collect();
    let sum = 2.0 * weights.iter().sum::<f64>() - weights[0];
    weights.iter().map(|weight| weight / sum).collect()
}

fn smoothed(values: &[f64], kernel: &[f64]) -> Vec<f64> {
    let at = |index: usize, offset: isize| values[mirrored(index, offset, values.len())];
    let wings = |index: usize| {
        let pairs = kernel.iter().zip(0_isize..).skip(1);
        pairs.map(move |(weight, offset)| weight * (at(index, offset) + at(index, -offset))).sum::<f64>()
    };
    (0..values.len()).map(|index| kernel[0] * values[index] + wings(index)).collect()
}

/// `index + offset` where the values go on mirrored beyond both ends, the last of them twice: `d c b a | a b c d | d c b a`.
fn mirrored(index: usize, offset: isize, len: usize) -> usize {
    let period = 2 * len as isize;
    let place = (index as isize + offset).rem_euclid(period) as usize;
    if place < len { place } else { 2 * len - 1 - place }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// `tools/reference/smoothing.py`.
    #[test]
    fn scores_are_smoothed_as_scipy_does() {
        let fixture: serde_json::Value =
            serde_json::from_str(include_str!("../tests/fixtures/smoothing.json")).unwrap();
        let numbers = |value: &serde_json::Value| -> Vec<f32> {
            value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap() as f32).collect()
        };
        let cases = fixture["cases"].as_array().unwrap();
        assert!(cases.len() >= 8);
        for case in cases {
            let mut scores = numbers(&case["scores"]);
            smooth_scores(&mut scores);
            let expected = numbers(&case["smoothed"]);
            let furthest = scores.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(scores.len() == expected.len() && furthest <= 1e-5, "{} scores: {furthest}", scores.len());
        }
    }

    #[test]
    fn nothing_stays_nothing() {
        smooth_scores(&mut []);
    }

    proptest! {
        #[test]
        fn the_mean_stays_and_the_range_shrinks(scores in prop::collection::vec(-10.0_f32..10.0, 1..80)) {
            let mut smooth = scores.clone();
            smooth_scores(&mut smooth);
            let mean = |values: &[f32]| values.iter().map(|v| f64::from(*v)).sum::<f64>() / values.len() as f64;
            let (low, high) = scores.iter().fold((f32::MAX, f32::MIN), |(low, high), v| (low.min(*v), high.max(*v)));
            prop_assert!((mean(&smooth) - mean(&scores)).abs() < 1e-5);
            prop_assert!(smooth.iter().all(|value| (low - 1e-5..=high + 1e-5).contains(value)));
        }
    }
}
