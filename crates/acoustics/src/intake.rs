//! The way in: samples that are numbers, within −1 to 1, and without a constant part.

/// Samples per second that everything here is measured on.
pub const SAMPLE_RATE: usize = 16_000;

/// Cleans samples one after another. What comes out depends on the samples alone, not on how they were cut into pieces.
///
/// A constant part would pass for loudness and pull the spectrum down, so a pole near zero frequency (below 13 Hz) takes it out; it begins
/// with the first sample, so that a signal that is constant from its beginning comes out as silence.
#[derive(Default)]
pub(crate) struct Intake {
    last: Option<f64>,
    out: f64,
}

/// A sample that has passed.
#[derive(Clone, Copy)]
pub(crate) struct Clean {
    pub(crate) value: f32,
    /// The sample lay at full scale or beyond.
    pub(crate) clipped: bool,
}

impl Intake {
    /// The next sample. One that is no number, or infinite, counts as silence; one beyond full scale as full scale.
    pub(crate) fn next(&mut self, sample: f32) -> Clean {
        let sound = if sample.is_finite() { f64::from(sample.clamp(-1.0, 1.0)) } else { 0.0 };
        let last = self.last.replace(sound).unwrap_or(sound);
        self.out = sound - last + POLE * self.out;
        // What fades away below any sound would slow down arithmetic before it is nothing.
        if self.out.abs() < 1e-12 {
            self.out = 0.0;
        }
        Clean { value: self.out as f32, clipped: sound.abs() >= FULL_SCALE }
    }
}

const POLE: f64 = 0.995;

/// From here a sample counts as clipped: the largest 16-bit values.
const FULL_SCALE: f64 = 0.9999;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_constant_is_silence() {
        let mut intake = Intake::default();
        assert!((0..1000).all(|_| intake.next(0.7).value == 0.0));
    }

    #[test]
    fn what_is_no_number_is_silence() {
        let mut intake = Intake::default();
        for sample in [0.0, f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 0.0] {
            assert_eq!(intake.next(sample).value, 0.0);
        }
        assert!(intake.next(f32::MAX).clipped);
    }
}
