//! What unit tests make generations and work of: a fake model, a family that names no shape, a task that does nothing.

use crate::generation::{Generation, Loaded};
use crate::part::LoadedGraphs;
use crate::plan::PlanInUse;
use crate::{Family, InputRow, OutputRow, RowShape, RowShapes, Scratch, Task, TaskError, WarmUpRow};
use samovar_engine_api::{Engine, LoadOptions, ModelFiles, Precision};
use samovar_engines::{FakeEngine, FakeModel};
use samovar_schedule::BatchRule;
use std::sync::Arc;
use std::time::Instant;

/// A family without a lane, and a task without an effect.
pub(crate) struct Nothing;

impl Family for Nothing {
    fn name(&self) -> &'static str {
        "nothing"
    }

    fn lanes(&self) -> Vec<RowShapes> {
        Vec::new()
    }

    fn batch_max(&self) -> usize {
        1
    }

    fn warm_up(&self, _lane: &RowShapes) -> Box<dyn WarmUpRow> {
        unreachable!("there is no lane to warm up")
    }
}

impl Task for Nothing {
    type Output = ();

    fn write(&mut self, row: &mut InputRow<'_>, _scratch: &mut Scratch) -> Result<(), TaskError> {
        row.slice::<f32>(0)?.fill(0.0);
        Ok(())
    }

    fn read(&mut self, _row: &OutputRow<'_>, _scratch: &mut Scratch) -> Result<(), TaskError> {
        Ok(())
    }
}

/// One number a row.
pub(crate) fn rows() -> RowShapes {
    RowShapes::new(vec![RowShape::Batched(vec![1])])
}

/// A generation of `model` whose runs use `threads` threads.
pub(crate) fn generation(model: &FakeModel, threads: usize, batch: BatchRule) -> Arc<Generation> {
    let engine = FakeEngine::new().with("m", model);
    let loaded = engine.load(&ModelFiles { path: "m".into() }, &LoadOptions::default());
    Arc::new(Generation::new(Loaded {
        name: "m".into(),
        number: 1,
        version: None,
        fingerprint: None,
        engine: "fake",
        engine_version: String::new(),
        precision: Precision::F32,
        threads,
        slots: 1,
        since: Instant::now(),
        family: Arc::new(Nothing),
        batch,
        rows_max: usize::MAX,
        graphs: LoadedGraphs { model: loaded.expect("the fake engine loads"), parts: Vec::new() },
        plan: PlanInUse::default(),
    }))
}
