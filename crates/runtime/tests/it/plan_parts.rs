//! Plans of models with further graphs: these are compared when the plan is measured, and held against it at every load.

use crate::place::{Place, Stove, by_precision};
use crate::support::{FEATURES, Row, rows};
use parking_lot::Mutex;
use samovar_engine_api::{Precision, Signature};
use samovar_engines::FakeModel;
use samovar_runtime::{
    AdapterError, Clock, ContractError, Family, ManualClock, ModelSpec, PartRunners, PartSource, PlanSource, RowShapes,
    Scratch, TaskError, WarmUpRow,
};
use std::path::PathBuf;
use std::sync::Arc;

/// Rows, and one further graph. Notes for which precision it was bound last.
struct Parted {
    part: PathBuf,
    wanted: Mutex<Option<Precision>>,
    bound: Arc<Mutex<Option<Precision>>>,
}

impl Family for Parted {
    fn name(&self) -> &'static str {
        "parted"
    }

    fn lanes(&self) -> Vec<RowShapes> {
        vec![rows()]
    }

    fn batch_max(&self) -> usize {
        1
    }

    fn warm_up(&self, _lane: &RowShapes) -> Box<dyn WarmUpRow> {
        Box::new(Row::of(1.0))
    }

    fn part_files(&self) -> Vec<PathBuf> {
        vec![self.part.clone()]
    }

    fn parts(&self, precision: Precision) -> Result<Vec<PartSource>, AdapterError> {
        *self.wanted.lock() = Some(precision);
        Ok(vec![PartSource::File(self.part.clone())])
    }

    fn bind_parts(&self, _signatures: &[Signature]) -> Result<(), ContractError> {
        *self.bound.lock() = *self.wanted.lock();
        Ok(())
    }

    fn try_parts(&self, runner: PartRunners<'_>, _scratch: &mut Scratch) -> Result<Vec<f32>, TaskError> {
        let mut runner = runner(0)?;
        runner.input(0, &[1, FEATURES])?.into_slice::<f32>()?.fill(3.0);
        runner.run()?;
        Ok(runner.output(0)?.as_slice::<f32>()?.to_vec())
    }
}

/// A model with a further graph, on one engine that is quicker in bf16.
struct Kitchen {
    place: Place,
    clock: Clock,
    hand: ManualClock,
    bound: Arc<Mutex<Option<Precision>>>,
}

impl Kitchen {
    fn new() -> Self {
        let (place, (clock, hand)) = (Place::new(), Clock::manual());
        std::fs::write(place.folder.path().join("p"), "more weights").unwrap();
        Self { place, clock, hand, bound: Arc::default() }
    }

    fn part(&self) -> PathBuf {
        self.place.folder.path().join("p")
    }

    fn spec(&self) -> ModelSpec {
        let (part, bound) = (self.part(), Arc::clone(&self.bound));
        let binder = move |_: &Signature| -> Result<Arc<dyn Family>, ContractError> {
            Ok(Arc::new(Parted { part: part.clone(), wanted: Mutex::default(), bound: Arc::clone(&bound) }))
        };
        ModelSpec { binder: Arc::new(binder), ..self.place.spec() }
    }

    fn stove(&self) -> (Stove, FakeModel) {
        let stove = self.place.stove("engine", &self.hand, by_precision(5_000, 3_000));
        let part = FakeModel::rows(FEATURES);
        stove.engine.put(self.part(), &part);
        (stove, part)
    }
}

#[tokio::test]
async fn a_family_is_bound_to_the_parts_that_serve_and_no_reference_is_loaded_for_them() {
    let kitchen = Kitchen::new();
    let (stove, part) = kitchen.stove();
    let process = kitchen.place.process_with(&kitchen.clock, &[&stove], kitchen.spec(), |_| ());
    assert_eq!(process.tune().await.unwrap().precision, Precision::Bf16);
    assert_eq!(part.counts().loads, 3, "the reference in f32, once in bf16, and at last for the compiled form");
    drop(process);

    let (stove, part) = kitchen.stove();
    let process = kitchen.place.process_with(&kitchen.clock, &[&stove], kitchen.spec(), |_| ());
    let generation = process.open().await;
    assert_eq!((generation.precision, generation.plan_source()), (Precision::Bf16, PlanSource::Stored));
    assert_eq!(*kitchen.bound.lock(), Some(Precision::Bf16));
    assert_eq!((part.counts().loads, part.counts().cached_loads), (1, 1));
    process.answers().await;
}

#[tokio::test]
async fn a_precision_in_which_the_parts_do_not_agree_never_wins() {
    let kitchen = Kitchen::new();
    let (stove, part) = kitchen.stove();
    part.set_deviation(Precision::Bf16, 0.5);
    let process = kitchen.place.process_with(&kitchen.clock, &[&stove], kitchen.spec(), |_| ());
    let plan = process.tune().await.unwrap();
    assert_eq!(plan.precision, Precision::F32);
    let refused = plan.tried.iter().find(|tried| tried.candidate.precision == Precision::Bf16).unwrap();
    assert!(refused.outcome.as_ref().unwrap_err().contains("its further graphs"), "{refused:?}");
}

#[tokio::test]
async fn parts_that_give_other_numbers_than_when_the_plan_was_measured_drop_it() {
    let kitchen = Kitchen::new();
    let (stove, _) = kitchen.stove();
    let process = kitchen.place.process_with(&kitchen.clock, &[&stove], kitchen.spec(), |_| ());
    process.tune().await.unwrap();
    drop(process);

    let (stove, part) = kitchen.stove();
    part.set_deviation(Precision::Bf16, 0.5);
    let process = kitchen.place.process_with(&kitchen.clock, &[&stove], kitchen.spec(), |_| ());
    let generation = process.open().await;
    assert_eq!((generation.precision, generation.plan_source()), (Precision::F32, PlanSource::Default));
    assert_eq!((*kitchen.bound.lock(), process.events.count("plan_mismatch")), (Some(Precision::F32), 1));
    assert_eq!(kitchen.place.stored(), vec![]);
}
