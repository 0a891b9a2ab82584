//! A few thousand values of what the f32 reference gave, kept with a plan: what a later run is held against.

use crate::Agreement;
use crate::agreement::{Disagreement, Snapshot, Tolerance};

/// Evenly spaced values of every output of one run.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Sample {
    pub(crate) outputs: Vec<SampledOutput>,
    /// The same of the trial of the model's parts; empty where it has none.
    pub(crate) parts: Vec<SampledOutput>,
}

/// Evenly spaced values of one output.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct SampledOutput {
    pub(crate) shape: Vec<usize>,
    /// Root of the mean square of the whole output: differences are measured against it, because the sample alone may have hit
    /// small values only.
    pub(crate) rms: f32,
    pub(crate) values: Vec<f32>,
}

/// Values kept of one output at most.
const VALUES_MAX: usize = 4096;
/// Values kept of all outputs together at most.
const VALUES_MAX_ALL: usize = 16 * VALUES_MAX;

impl Sample {
    /// Samples a run, and the trial of the model's parts.
    pub(crate) fn of(run: &Snapshot, parts: &Snapshot) -> Self {
        Self { outputs: sampled(run), parts: sampled(parts) }
    }

    /// Compares a run of the same input, output by output.
    ///
    /// # Errors
    /// The first output that does not agree.
    pub(crate) fn compare(&self, run: &Snapshot, tolerance: Tolerance) -> Result<Agreement, Disagreement> {
        compare(&self.outputs, run, tolerance)
    }

    /// Compares a trial of the parts.
    ///
    /// # Errors
    /// Where it does not agree.
    pub(crate) fn compare_parts(&self, trial: &Snapshot, tolerance: Tolerance) -> Result<Agreement, Disagreement> {
        compare(&self.parts, trial, tolerance)
    }
}

fn sampled(run: &Snapshot) -> Vec<SampledOutput> {
    let most = (VALUES_MAX_ALL / run.len().max(1)).clamp(1, VALUES_MAX);
    run.outputs().map(|(shape, values)| SampledOutput::of(shape, values, most)).collect()
}

fn compare(kept: &[SampledOutput], run: &Snapshot, tolerance: Tolerance) -> Result<Agreement, Disagreement> {
    if run.len() != kept.len() {
        return Err(Disagreement::Incomparable(run.len().min(kept.len())));
    }
    let mut worst = 0.0_f32;
    for (output, (kept, (shape, values))) in kept.iter().zip(run.outputs()).enumerate() {
        let relative = kept.relative_difference(shape, values).ok_or(Disagreement::Incomparable(output))?;
        if relative > tolerance.relative {
            return Err(Disagreement::Differs { output, relative });
        }
        worst = worst.max(relative);
    }
    Ok(Agreement { relative: worst })
}

impl SampledOutput {
    fn of(shape: &[usize], values: &[f32], most: usize) -> Self {
        let sampled = evenly_spaced(values.len(), most).map(|index| values[index]).collect();
        Self { shape: shape.to_vec(), rms: rms(values.iter().copied()), values: sampled }
    }

    fn relative_difference(&self, shape: &[usize], values: &[f32]) -> Option<f32> {
        let is_whole = self.values.len() <= values.len() && self.values.is_empty() == values.is_empty();
        if self.shape != shape || !is_whole {
            return None;
        }
        let ours = evenly_spaced(values.len(), self.values.len()).map(|index| values[index]);
        let difference = rms(ours.zip(&self.values).map(|(ours, &theirs)| ours - theirs));
        let relative =
            if difference == 0.0 { 0.0 } else { difference / self.rms.max(rms(self.values.iter().copied())) };
        relative.is_finite().then_some(relative)
    }
}

/// At most `most` indices below `len`, in equal steps.
fn evenly_spaced(len: usize, most: usize) -> impl Iterator<Item = usize> {
    let count = len.min(most);
    // 128 bits hold the product of any two lengths.
    (0..count).map(move |nth| (nth as u128 * len as u128 / count as u128) as usize)
}

fn rms(values: impl Iterator<Item = f32>) -> f32 {
    let (sum, count) = values.fold((0.0_f64, 0_u64), |(sum, count), v| (sum + f64::from(v) * f64::from(v), count + 1));
    (sum / count.max(1) as f64).sqrt() as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(values: &[f32]) -> Snapshot {
        Snapshot::from_values(vec![(vec![values.len()], values.to_vec())])
    }

    fn nothing() -> Snapshot {
        Snapshot::from_values(Vec::new())
    }

    fn wave(scale: f32) -> Vec<f32> {
        (0..50_000).map(|i| scale * (1.0 + (i as f32 * 0.01).sin())).collect()
    }

    #[test]
    fn a_sample_is_bounded_and_agrees_with_its_own_run() {
        let sample = Sample::of(&run(&wave(1.0)), &nothing());
        assert_eq!(sample.outputs[0].values.len(), VALUES_MAX);
        assert_eq!(sample.compare(&run(&wave(1.0)), Tolerance { relative: 0.0 }), Ok(Agreement { relative: 0.0 }));
        assert_eq!(Sample::of(&run(&[1.0, 2.0]), &nothing()).outputs[0].values, [1.0, 2.0]);
    }

    #[test]
    fn the_difference_is_that_of_the_whole_output() {
        let sample = Sample::of(&run(&wave(1.0)), &nothing());
        let found = sample.compare(&run(&wave(1.02)), Tolerance { relative: 0.03 }).unwrap();
        assert!((found.relative - 0.02).abs() < 1e-3, "{found:?}");
        assert!(sample.compare(&run(&wave(1.05)), Tolerance { relative: 0.03 }).is_err());
    }

    #[test]
    fn other_shapes_and_what_is_no_number_never_agree() {
        let sample = Sample::of(&run(&[1.0, 2.0]), &nothing());
        let tolerance = Tolerance { relative: 1.0 };
        for other in [run(&[1.0]), run(&[1.0, 2.0, 3.0]), run(&[1.0, f32::NAN]), nothing()] {
            assert!(sample.compare(&other, tolerance).is_err());
        }
        assert!(
            Sample::of(&run(&[0.0]), &nothing()).compare(&run(&[0.0]), tolerance).is_ok(),
            "nothing to compare is no difference"
        );
        assert!(Sample::of(&run(&[0.0]), &nothing()).compare(&run(&[1.0]), tolerance).is_err());
    }

    #[test]
    fn parts_are_held_against_their_own_trial() {
        let sample = Sample::of(&run(&[1.0]), &run(&[2.0, 3.0]));
        let tolerance = Tolerance { relative: 0.03 };
        assert!(sample.compare_parts(&run(&[2.0, 3.01]), tolerance).is_ok());
        assert!(sample.compare_parts(&run(&[2.0, 4.0]), tolerance).is_err());
        assert!(sample.compare_parts(&nothing(), tolerance).is_err(), "a model without its parts is another one");
    }
}
