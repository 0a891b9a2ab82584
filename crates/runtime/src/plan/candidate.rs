//! One way to run a model: engine, precision, threads, slots and batch.

use crate::load::LoadOrder;
use crate::{Family, PrecisionChoice};
use samovar_engine_api::{EngineInfo, Precision};

/// One way to run a model on this machine.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Candidate {
    /// The engine's name.
    pub engine: String,
    /// The engine library's version.
    pub engine_version: String,
    /// Arithmetic of the hot layers.
    pub precision: Precision,
    /// CPU threads of one run.
    pub threads: usize,
    /// Runs that go on at the same time: the cores divided by the threads.
    pub slots: usize,
    /// Rows in one run at most.
    pub batch: usize,
}

impl Candidate {
    /// The part of a file name that tells it from the other candidates of the same model, engine version included.
    pub(crate) fn file_part(&self) -> String {
        let Self { engine, engine_version, precision, threads, slots, batch } = self;
        let plain = |text: &str| -> String {
            text.chars().take(32).map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
        };
        format!("{}-{}-{precision}-{slots}x{threads}-b{batch}", plain(engine), plain(engine_version))
    }
}

impl Candidate {
    /// Whether it asks for nothing but what its engine, the device, the model and its configuration have: a plan's file may have been
    /// written by anybody.
    pub(crate) fn is_possible(&self, info: &EngineInfo, order: &LoadOrder<'_>, family: &dyn Family) -> bool {
        let cores = order.device.cores().total();
        let rows_max = order.spec.batch_max.unwrap_or(usize::MAX).min(family.batch_max()).max(1);
        let precision = match order.spec.precision {
            PrecisionChoice::Auto => info.precisions.contains(&self.precision),
            PrecisionChoice::Fixed(precision) => precision == self.precision,
        };
        let fits = self.threads.saturating_mul(self.slots) <= cores && self.batch <= rows_max;
        precision && fits && self.engine_version == info.version
    }
}

impl std::fmt::Display for Candidate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { engine, precision, threads, slots, batch, .. } = self;
        write!(f, "{engine} {precision}, {slots} × {threads} threads, batch {batch}")
    }
}

/// Threads per run worth a try on `cores` cores: powers of two that leave no core over, and all of them.
pub(crate) fn thread_counts(cores: usize) -> Vec<usize> {
    let doubling = std::iter::successors(Some(1_usize), |count| count.checked_mul(2));
    let mut counts: Vec<usize> =
        doubling.take_while(|&count| count < cores).filter(|count| cores.is_multiple_of(*count)).collect();
    counts.push(cores.max(1));
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_leave_no_core_over() {
        let counts = [0, 1, 2, 6, 7, 8].map(thread_counts);
        assert_eq!(counts, [vec![1], vec![1], vec![1, 2], vec![1, 2, 6], vec![1, 7], vec![1, 2, 4, 8]]);
    }

    #[test]
    fn a_file_part_is_safe_whatever_the_version_says() {
        let candidate = Candidate {
            engine: "e".into(),
            engine_version: "../2.0".into(),
            precision: Precision::Bf16,
            threads: 1,
            slots: 2,
            batch: 4,
        };
        assert_eq!(candidate.file_part(), "e-___2_0-bf16-2x1-b4");
        assert_eq!(candidate.to_string(), "e bf16, 2 × 1 threads, batch 4");
    }
}
