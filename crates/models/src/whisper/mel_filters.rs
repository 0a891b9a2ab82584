//! The triangular filters that turn a power spectrum into mel bands.

use super::Checkpoint;

/// Weights of one band over the bins of the spectrum that it takes in.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct MelFilter {
    /// The first bin.
    pub(super) first: usize,
    /// Of this bin and those that follow.
    pub(super) weights: Vec<f32>,
}

/// Bands evenly over Slaney's mel scale from 0 to 8,000 Hz, each of the same energy (Auditory Toolbox, 1998), as
/// `librosa.filters.mel` has them.
pub(super) fn mel_filters(bands: usize, bins: usize) -> Vec<MelFilter> {
    let nyquist = f64::from(Checkpoint::SAMPLE_RATE) / 2.0;
    let highest = mel_of(nyquist);
    let corners: Vec<f64> = (0..bands + 2).map(|index| hertz_of(highest * index as f64 / (bands + 1) as f64)).collect();
    corners.windows(3).map(|corners| triangle(corners, bins, nyquist)).collect()
}

fn triangle(corners: &[f64], bins: usize, nyquist: f64) -> MelFilter {
    let (low, centre, high) = (corners[0], corners[1], corners[2]);
    let weight = |bin: usize| {
        let hertz = nyquist * bin as f64 / (bins - 1) as f64;
        let height = ((hertz - low) / (centre - low)).min((high - hertz) / (high - centre)).max(0.0);
        (height * 2.0 / (high - low)) as f32
    };
    let first = (0..bins).find(|&bin| weight(bin) > 0.0).unwrap_or(0);
    let weights = (first..bins).map(weight).take_while(|&weight| weight > 0.0).collect();
    MelFilter { first, weights }
}

/// Linear below 1,000 Hz, logarithmic above.
fn mel_of(hertz: f64) -> f64 {
    if hertz < BEND_HERTZ { hertz * 3.0 / 200.0 } else { BEND_MEL + (hertz / BEND_HERTZ).ln() * 27.0 / 6.4_f64.ln() }
}

fn hertz_of(mel: f64) -> f64 {
    if mel < BEND_MEL { mel * 200.0 / 3.0 } else { BEND_HERTZ * ((mel - BEND_MEL) * 6.4_f64.ln() / 27.0).exp() }
}

const BEND_HERTZ: f64 = 1_000.0;
const BEND_MEL: f64 = 15.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scale_goes_there_and_back() {
        for hertz in [0.0, 250.0, 999.0, 1_000.0, 4_321.0, 8_000.0] {
            assert!((hertz_of(mel_of(hertz)) - hertz).abs() < 1e-9, "{hertz}");
        }
    }

    #[test]
    fn every_band_takes_in_some_bin() {
        for bands in [80, 128] {
            let filters = mel_filters(bands, 201);
            assert_eq!(filters.len(), bands);
            assert!(filters.iter().all(|filter| !filter.weights.is_empty()));
            assert!(filters.iter().all(|filter| filter.first + filter.weights.len() <= 201));
        }
    }
}
