//! The logarithm of a sum of exponentials over a row of logits: once for each token that is chosen, so it is written for vectors.

/// `ln Σ exp(x)`, exact to about 1e-6; minus infinity where nothing is above it.
pub(super) fn log_sum_exp(values: &[f32]) -> f32 {
    let highest = highest(values);
    if highest == f32::NEG_INFINITY { highest } else { highest + exp_sum(values, highest, 1.0).ln() as f32 }
}

/// The highest value; minus infinity of none. What is not a number is passed over.
pub(super) fn highest(values: &[f32]) -> f32 {
    let mut lanes = [f32::NEG_INFINITY; LANES];
    let (chunks, rest) = values.as_chunks::<LANES>();
    let rest = rest.iter().fold(f32::NEG_INFINITY, |most, &value| most.max(value));
    for chunk in chunks {
        lanes.iter_mut().zip(chunk).for_each(|(most, &value)| *most = if value > *most { value } else { *most });
    }
    lanes.into_iter().fold(rest, f32::max)
}

/// `Σ exp((x - highest) · scale)`, where no value is above `highest`.
pub(super) fn exp_sum(values: &[f32], highest: f32, scale: f32) -> f64 {
    // A loop without a sum in it is one that compilers make vectors of; short blocks keep sums of f32 exact.
    let block_sum = |block: &[f32]| {
        let mut shares = [0_f32; BLOCK];
        let (shares, _) = shares.split_at_mut(block.len());
        shares.iter_mut().zip(block).for_each(|(share, &value)| *share = exp((value - highest) * scale));
        let (chunks, rest) = shares.as_chunks::<LANES>();
        let mut lanes = [0_f32; LANES];
        chunks.iter().for_each(|chunk| lanes.iter_mut().zip(chunk).for_each(|(sum, share)| *sum += share));
        lanes.iter().chain(rest).copied().map(f64::from).sum::<f64>()
    };
    values.chunks(BLOCK).map(block_sum).sum()
}

/// `exp(x)` of a number that is not above 0, to 2e-7; 0 below -87.
///
/// Adding 1.5 · 2^23 rounds to whole octaves without a call and leaves them in the lowest bits; then a polynomial over half an octave
/// (Cephes' `expf`).
pub(super) fn exp(x: f32) -> f32 {
    const ROUND: f32 = 12_582_912.0;
    let is_some = x > -87.0;
    let x = if is_some { x } else { -87.0 };
    let rounded = x * std::f32::consts::LOG2_E + ROUND;
    let octaves = rounded - ROUND;
    let rest = x - octaves * 0.693_359_4 - octaves * -2.121_944_4e-4;
    let polynomial = ((((1.987_569_1e-4 * rest + 1.398_199_9e-3) * rest + 8.333_452e-3) * rest + 4.166_579_6e-2)
        * rest
        + 1.666_666_5e-1)
        * rest
        + 0.5;
    let mantissa = polynomial * rest * rest + rest + 1.0;
    let power = rounded.to_bits().wrapping_sub(ROUND.to_bits()).wrapping_add(127) << 23;
    if is_some { mantissa * f32::from_bits(power) } else { 0.0 }
}

const LANES: usize = 8;
const BLOCK: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponential_is_that_of_the_library() {
        for step in 0..8_600 {
            let x = -0.01 * step as f32;
            let exact = f64::from(x).exp();
            assert!((f64::from(exp(x)) / exact - 1.0).abs() < 3e-7, "{x}");
        }
        assert_eq!((exp(0.0), exp(-88.0), exp(f32::NEG_INFINITY)), (1.0, 0.0, 0.0));
    }

    #[test]
    fn the_logarithm_of_the_sum_is_that_of_sums_in_f64() {
        let values: Vec<f32> = (0..51_865).map(|index| ((index * 7_919) % 1_000) as f32 * 0.03 - 12.0).collect();
        let exact = values.iter().map(|&value| f64::from(value).exp()).sum::<f64>().ln();
        assert!((f64::from(log_sum_exp(&values)) - exact).abs() < 2e-6);
        assert_eq!(log_sum_exp(&[f32::NEG_INFINITY; 9]), f32::NEG_INFINITY);
        assert_eq!(log_sum_exp(&[]), f32::NEG_INFINITY);
        assert_eq!(log_sum_exp(&[3.5]), 3.5);
    }
}
