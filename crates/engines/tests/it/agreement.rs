//! How far two outputs agree.

/// Relative L2 difference and cosine of two outputs.
#[derive(Clone, Copy, Debug)]
pub struct Agreement {
    /// `‖a − b‖ / ‖b‖`.
    pub relative: f64,
    /// `a · b / (‖a‖ ‖b‖)`.
    pub cosine: f64,
    /// The largest `|a − b|`.
    pub largest: f64,
}

/// Compares `ours` with the reference. Any value that is not a number makes both figures NaN, which pass no check.
pub fn compare(ours: &[f64], reference: &[f64]) -> Agreement {
    assert_eq!(ours.len(), reference.len());
    let sum = |values: &mut dyn Iterator<Item = f64>| values.sum::<f64>();
    let difference = sum(&mut ours.iter().zip(reference).map(|(a, b)| (a - b).powi(2))).sqrt();
    let (a, b) = (sum(&mut ours.iter().map(|a| a * a)).sqrt(), sum(&mut reference.iter().map(|b| b * b)).sqrt());
    let product = sum(&mut ours.iter().zip(reference).map(|(a, b)| a * b));
    let largest = ours.iter().zip(reference).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    Agreement { relative: difference / b, cosine: product / (a * b), largest }
}

#[test]
fn what_is_not_a_number_agrees_with_nothing() {
    let agreement = compare(&[1.0, f64::NAN], &[1.0, 2.0]);
    assert!(agreement.relative.is_nan() && agreement.cosine.is_nan());
    assert_eq!(compare(&[3.0, 4.0], &[3.0, 4.0]).relative, 0.0);
}
