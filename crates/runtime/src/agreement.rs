//! Whether two runs of the same input agree: the condition on which a precision below f32 is used.

use samovar_engine_api::{Element, ElementType, EngineError, Runner, TensorRef};

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

impl Tolerance {
    /// How far two engines' f32 may be apart: sums are taken in another order, which was measured to change results by 2e-5 at most.
    pub const F32: Self = Self { relative: 0.001 };
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
}

/// The outputs of one run, kept after its runner has gone.
pub struct Snapshot {
    outputs: Vec<Kept>,
}

struct Kept {
    shape: Vec<usize>,
    values: Vec<f32>,
}

impl Snapshot {
    /// Keeps the numeric outputs of a runner's last run.
    ///
    /// # Errors
    /// An output that cannot be read.
    pub fn of(runner: &dyn Runner, outputs: usize) -> Result<Self, EngineError> {
        let kept = (0..outputs).map(|output| runner.output(output).map(|tensor| Kept::of(&tensor)));
        Ok(Self { outputs: kept.collect::<Result<_, _>>()? })
    }

    /// The run that has these shapes and values.
    pub(crate) fn from_values(outputs: Vec<(Vec<usize>, Vec<f32>)>) -> Self {
        Self { outputs: outputs.into_iter().map(|(shape, values)| Kept { shape, values }).collect() }
    }

    /// How many outputs there are.
    pub(crate) fn len(&self) -> usize {
        self.outputs.len()
    }

    /// Shape and values of every output.
    pub(crate) fn outputs(&self) -> impl Iterator<Item = (&[usize], &[f32])> {
        self.outputs.iter().map(|kept| (kept.shape.as_slice(), kept.values.as_slice()))
    }

    /// Row `index` of a run of several rows, as a run of one row would have given it; none where an output has no such rows.
    pub(crate) fn row(&self, index: usize, rows: usize) -> Option<Self> {
        let outputs = self.outputs.iter().map(|kept| kept.row(index, rows));
        Some(Self { outputs: outputs.collect::<Option<_>>()? })
    }
}

impl Kept {
    fn of(tensor: &TensorRef<'_>) -> Self {
        Self { shape: tensor.shape().to_vec(), values: values(tensor) }
    }

    fn row(&self, index: usize, rows: usize) -> Option<Self> {
        let (&first, rest) = self.shape.split_first()?;
        if first != rows || index >= rows {
            return None;
        }
        let size = self.values.len() / rows;
        let shape = std::iter::once(1).chain(rest.iter().copied()).collect();
        Some(Self { shape, values: self.values[index * size..(index + 1) * size].to_vec() })
    }

    /// `‖a − b‖ / ‖b‖`; none where that is not a number or the shapes differ.
    fn relative_difference(&self, reference: &Self) -> Option<f32> {
        if self.shape != reference.shape || self.values.len() != reference.values.len() {
            return None;
        }
        let pairs = self.values.iter().zip(&reference.values);
        let (difference, size) = pairs.fold((0.0_f64, 0.0_f64), |(difference, size), (&a, &b)| {
            let (a, b) = (f64::from(a), f64::from(b));
            (difference + (a - b) * (a - b), size + b * b)
        });
        let relative = if difference == 0.0 { 0.0 } else { (difference / size).sqrt() as f32 };
        relative.is_finite().then_some(relative)
    }
}

impl Tolerance {
    /// Compares a run with its reference, output by output.
    ///
    /// # Errors
    /// The first output that does not agree.
    pub fn compare(self, run: &Snapshot, reference: &Snapshot) -> Result<Agreement, Disagreement> {
        let mut worst = 0.0_f32;
        for (output, (ours, theirs)) in run.outputs.iter().zip(&reference.outputs).enumerate() {
            let relative = ours.relative_difference(theirs).ok_or(Disagreement::Incomparable(output))?;
            if relative > self.relative {
                return Err(Disagreement::Differs { output, relative });
            }
            worst = worst.max(relative);
        }
        Ok(Agreement { relative: worst })
    }
}

/// The elements as `f32`. Types that no hot layer computes in are left out: they cannot differ by precision.
fn values(tensor: &TensorRef<'_>) -> Vec<f32> {
    match tensor.element() {
        ElementType::F32 => tensor.as_slice::<f32>().map_or_else(|_| Vec::new(), <[f32]>::to_vec),
        ElementType::F16 => convert(tensor, |v: &half::f16| v.to_f32()),
        ElementType::F64 => convert(tensor, |v: &f64| *v as f32),
        ElementType::I64 => convert(tensor, |v: &i64| *v as f32),
        ElementType::I32 => convert(tensor, |v: &i32| *v as f32),
        _ => Vec::new(),
    }
}

fn convert<T: Element>(tensor: &TensorRef<'_>, value: impl Fn(&T) -> f32) -> Vec<f32> {
    tensor.as_slice::<T>().map_or_else(|_| Vec::new(), |slice| slice.iter().map(value).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn difference(a: &[f32], b: &[f32]) -> Option<f32> {
        let kept = |data: &[f32]| Kept::of(&TensorRef::from((&[data.len()][..], data)));
        kept(a).relative_difference(&kept(b))
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
    fn a_row_of_a_batch_is_what_a_run_of_its_own_gives() {
        let batch = Snapshot::from_values(vec![(vec![2, 2], vec![1.0, 2.0, 3.0, 4.0])]);
        let second: Vec<_> = batch.row(1, 2).unwrap().outputs().map(|(s, v)| (s.to_vec(), v.to_vec())).collect();
        assert_eq!(second, [(vec![1, 2], vec![3.0, 4.0])]);
        assert!(batch.row(2, 2).is_none() && batch.row(0, 3).is_none());
    }

    #[test]
    fn what_is_not_a_number_never_agrees() {
        assert_eq!(difference(&[f32::NAN], &[1.0]), None);
        assert_eq!(difference(&[1.0], &[0.0]), None);
        assert_eq!(difference(&[1.0, 1.0], &[1.0]), None);
    }
}
