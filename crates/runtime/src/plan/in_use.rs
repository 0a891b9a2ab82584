//! By which plan a generation runs, and the check that its first run has to pass.

use super::{Plan, PlanKey, PlanSource, Sample};
use crate::agreement::{Snapshot, Tolerance};
use samovar_engine_api::Runner;
use std::sync::Arc;

/// By which plan a generation runs.
#[derive(Default)]
pub(crate) struct PlanInUse {
    pub(crate) source: PlanSource,
    /// What a plan for it is called; none where no plans are kept, or its files could not be read for it.
    pub(crate) key: Option<PlanKey>,
    /// None where it runs by default and nothing is recorded of that.
    pub(crate) plan: Option<Arc<Plan>>,
    /// What is to be recorded of a large model that runs by default, once it is warm: the outputs of its reference.
    pub(crate) to_record: Option<Sample>,
    /// Still to be passed by the first run of the warm-up input.
    pub(crate) check: Option<Check>,
}

/// Holds one run against the sample in a plan.
#[derive(Clone)]
pub(crate) struct Check {
    pub(crate) plan: Arc<Plan>,
    pub(crate) tolerance: Tolerance,
}

impl Check {
    /// Verifies all `outputs` of the last run of `runner`: one row of the family's first lane.
    ///
    /// # Errors
    /// How it differs from what the plan was measured with.
    pub(crate) fn verify(&self, runner: &dyn Runner, outputs: usize) -> Result<(), String> {
        let run = Snapshot::of(runner, outputs).map_err(|error| error.to_string())?;
        match self.plan.sample.compare(&run, self.tolerance) {
            Ok(_) => Ok(()),
            Err(disagreement) => Err(format!("it gives other numbers than when its plan was measured: {disagreement}")),
        }
    }
}
