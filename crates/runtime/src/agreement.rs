//! Whether two runs of the same input agree: the condition on which a precision below f32 is used.

use samovar_engine_api::{ElementType, EngineError, Runner, TensorRef};

/// How far outputs may differ from f32.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tolerance {
    /// Largest `‖a − b‖ / ‖b‖` of any output.
    pub relative: f32,
}

impl Default for Tolerance {
    /// 0.03: yolov8n in bf16 measures about 0.01 and keeps all its boxes; int8 without care, which loses boxes, 0.05 and more.
    fn default() -> Self {
        Self { relative: 0.03 }
    }
}

/// How far two runs agreed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Agreement {
    /// The largest relative difference over the outputs.
    pub relative: f32,
}

/// Why two runs do not agree.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Disagreement {
    /// An output differs by more than the tolerance.
    #[error("output {output} differs by {relative:.4} of its size")]
    Differs {
        /// Index of the output.
        output: usize,
        /// `‖a − b‖ / ‖b‖`.
        relative: f32,
    },
    /// One run has a number where the other has none, or the shapes differ.
    #[error("output {0} has another shape, or a value that is not a number")]
    Incomparable(usize),
    /// An output could not be read.
    #[error("an output could not be read")]
    Unreadable,
}

impl From<EngineError> for Disagreement {
    fn from(_: EngineError) -> Self {
        Self::Unreadable
    }
}

impl Tolerance {
    /// Compares the last runs of two runners, output by output.
    ///
    /// # Errors
    /// The first output that does not agree.
    pub fn compare(self, run: &dyn Runner, reference: &dyn Runner, outputs: usize) -> Result<Agreement, Disagreement> {
        let mut worst = 0.0_f32;
        for output in 0..outputs {
            let (ours, theirs) = (run.output(output)?, reference.output(output)?);
            let relative = relative_difference(&ours, &theirs).ok_or(Disagreement::Incomparable(output))?;
            if relative > self.relative {
                return Err(Disagreement::Differs { output, relative });
            }
            worst = worst.max(relative);
        }
        Ok(Agreement { relative: worst })
    }
}

/// `‖a − b‖ / ‖b‖`; none where that is not a number or the shapes differ. Outputs that are not floating point must be equal.
fn relative_difference(ours: &TensorRef<'_>, theirs: &TensorRef<'_>) -> Option<f32> {
    if ours.shape() != theirs.shape() || ours.element() != theirs.element() {
        return None;
    }
    let (difference, size) = match ours.element() {
        ElementType::F32 => squares(ours.as_slice::<f32>().ok()?, theirs.as_slice::<f32>().ok()?, |v| f64::from(*v)),
        ElementType::F16 => squares(ours.as_slice().ok()?, theirs.as_slice().ok()?, |v: &half::f16| v.to_f64()),
        ElementType::F64 => squares(ours.as_slice::<f64>().ok()?, theirs.as_slice::<f64>().ok()?, |v| *v),
        ElementType::I64 => squares(ours.as_slice::<i64>().ok()?, theirs.as_slice::<i64>().ok()?, |v| *v as f64),
        ElementType::I32 => squares(ours.as_slice::<i32>().ok()?, theirs.as_slice::<i32>().ok()?, |v| f64::from(*v)),
        _ => return Some(0.0),
    };
    let relative = if difference == 0.0 { 0.0 } else { (difference / size).sqrt() as f32 };
    relative.is_finite().then_some(relative)
}

fn squares<T>(ours: &[T], theirs: &[T], value: impl Fn(&T) -> f64) -> (f64, f64) {
    ours.iter().zip(theirs).fold((0.0, 0.0), |(difference, size), (a, b)| {
        let (a, b) = (value(a), value(b));
        (difference + (a - b) * (a - b), size + b * b)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn difference(a: &[f32], b: &[f32]) -> Option<f32> {
        relative_difference(&TensorRef::from((&[a.len()][..], a)), &TensorRef::from((&[b.len()][..], b)))
    }

    #[test]
    fn equal_runs_agree_exactly() {
        assert_eq!(difference(&[1.0, 2.0], &[1.0, 2.0]), Some(0.0));
        assert_eq!(difference(&[0.0, 0.0], &[0.0, 0.0]), Some(0.0));
    }

    #[test]
    fn the_difference_is_relative_to_the_reference() {
        let relative = difference(&[11.0, 0.0], &[10.0, 0.0]).unwrap();
        assert!((relative - 0.1).abs() < 1e-6);
    }

    #[test]
    fn what_is_not_a_number_never_agrees() {
        assert_eq!(difference(&[f32::NAN], &[1.0]), None);
        assert_eq!(difference(&[1.0], &[0.0]), None);
        assert_eq!(difference(&[1.0, 1.0], &[1.0]), None);
    }
}
