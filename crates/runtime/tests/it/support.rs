//! A registry on the fake engine, a family of plain rows, and an observer that counts.

use parking_lot::Mutex;
use samovar_engine_api::{Precision, Signature};
use samovar_engines::{FakeEngine, FakeModel, fake_digest, fake_output};
use samovar_runtime::{
    Call, Class, Clock, ContractError, DeviceOptions, Event, Family, InputRow, ManualClock, ModelHandle, ModelSource,
    ModelSpec, Observer, OutputRow, PrecisionChoice, Registry, RegistryOptions, RowShape, RowShapes, Scratch,
    StreamKey, Task, TaskError, WarmUpRow,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Values in one row.
pub const FEATURES: usize = 3;

/// A row of numbers in, four numbers out; faults on demand.
pub struct Row {
    pub values: [f32; FEATURES],
    pub fault: Fault,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    None,
    BadInput,
    PanicInWrite,
    PanicInRead,
}

impl Row {
    pub fn of(first: f32) -> Self {
        Self { values: [first, first * 0.5, 2.0], fault: Fault::None }
    }

    pub fn faulty(fault: Fault) -> Self {
        Self { fault, ..Self::of(0.0) }
    }

    /// What the fake engine makes of a row that begins with `first`.
    pub fn expected(first: f32) -> Vec<f32> {
        let digest = fake_digest(&Self::of(first).values);
        (0..4).map(|index| fake_output(digest, index) as f32).collect()
    }
}

impl Task for Row {
    type Output = Vec<f32>;

    fn write(&mut self, row: &mut InputRow<'_>, _scratch: &mut Scratch) -> Result<(), TaskError> {
        match self.fault {
            Fault::BadInput => return Err(TaskError::input("bad_row", "the row is bad")),
            Fault::PanicInWrite => panic!("as told"),
            Fault::None | Fault::PanicInRead => {}
        }
        row.slice::<f32>(0)?.copy_from_slice(&self.values);
        Ok(())
    }

    fn read(&mut self, row: &OutputRow<'_>, _scratch: &mut Scratch) -> Result<Vec<f32>, TaskError> {
        assert!(self.fault != Fault::PanicInRead, "as told");
        Ok(row.tensor(0)?.as_slice::<f32>()?.to_vec())
    }
}

impl WarmUpRow for Row {
    fn write(&mut self, row: &mut InputRow<'_>, scratch: &mut Scratch) -> Result<(), TaskError> {
        Task::write(self, row, scratch)
    }

    fn read(&mut self, row: &OutputRow<'_>, scratch: &mut Scratch) -> Result<(), TaskError> {
        Task::read(self, row, scratch).map(drop)
    }
}

pub fn rows() -> RowShapes {
    RowShapes::new(vec![RowShape::Batched(vec![FEATURES])])
}

struct Rows;

impl Family for Rows {
    fn name(&self) -> &'static str {
        "rows"
    }

    fn lanes(&self) -> Vec<RowShapes> {
        vec![rows()]
    }

    fn batch_max(&self) -> usize {
        8
    }

    fn warm_up(&self, _lane: &RowShapes) -> Box<dyn WarmUpRow> {
        Box::new(Row::of(1.0))
    }
}

fn bind(signature: &Signature) -> Result<Arc<dyn Family>, ContractError> {
    match signature.inputs.first().and_then(|port| port.dims.last()).and_then(|dim| dim.fixed()) {
        Some(FEATURES) => Ok(Arc::new(Rows)),
        found => Err(ContractError(format!("rows of {FEATURES} are expected, {found:?} was found"))),
    }
}

pub fn spec(name: &str) -> ModelSpec {
    ModelSpec {
        precision: PrecisionChoice::Fixed(Precision::F32),
        preload: false,
        ..ModelSpec::new(name, ModelSource::file(name), Arc::new(bind))
    }
}

/// Counts events by kind.
#[derive(Default)]
pub struct Counter(Mutex<BTreeMap<String, u64>>);

impl Observer for Counter {
    fn observe(&self, event: &Event<'_>) {
        let kind = match event {
            Event::Loaded { .. } => "loaded".to_owned(),
            Event::LoadFailed { code, .. } => format!("load_failed {code}"),
            Event::WarmedUp { .. } => "warmed_up".to_owned(),
            Event::WarmUpSkipped { .. } => "warm_up_skipped".to_owned(),
            Event::Swapped { .. } => "swapped".to_owned(),
            Event::Evicted { .. } => "evicted".to_owned(),
            Event::Unloaded { .. } => "unloaded".to_owned(),
            Event::BatchRun { rows, .. } => format!("batch of {rows}"),
            Event::Dropped { reason, .. } => format!("dropped {}", reason.name()),
            Event::RunFailed { .. } => "run_failed".to_owned(),
            Event::Panicked { .. } => "panicked".to_owned(),
            Event::PlanMeasured { .. } => "plan_measured".to_owned(),
            Event::PlanUsed { stored, .. } => format!("plan_used stored={stored}"),
            Event::PlanMismatch { .. } => "plan_mismatch".to_owned(),
            Event::DriftRewarm { .. } => "drift_rewarm".to_owned(),
            _ => "other".to_owned(),
        };
        *self.0.lock().entry(kind).or_default() += 1;
    }
}

impl Counter {
    pub fn count(&self, kind: &str) -> u64 {
        self.0.lock().get(kind).copied().unwrap_or(0)
    }
}

/// One model `m` on one device, and everything that steers it.
pub struct Bench {
    pub registry: Registry,
    pub model: FakeModel,
    pub engine: Arc<FakeEngine>,
    pub events: Arc<Counter>,
}

impl Bench {
    pub fn new(slots: usize, spec: ModelSpec) -> Self {
        Self::with_policy(slots, spec, samovar_schedule::QueuePolicy::default())
    }

    pub fn with_policy(slots: usize, spec: ModelSpec, policy: samovar_schedule::QueuePolicy) -> Self {
        Self::with_clock(slots, spec, policy, Clock::start())
    }

    /// A bench whose clock is moved by hand: a run takes what a hook on the model advances it by.
    pub fn in_virtual_time(slots: usize, spec: ModelSpec) -> (Self, ManualClock) {
        let (clock, hand) = Clock::manual();
        (Self::with_clock(slots, spec, samovar_schedule::QueuePolicy::default(), clock), hand)
    }

    fn with_clock(slots: usize, spec: ModelSpec, policy: samovar_schedule::QueuePolicy, clock: Clock) -> Self {
        let model = FakeModel::rows(FEATURES);
        let engine = Arc::new(FakeEngine::new().with(spec.source.path(), &model));
        let events = Arc::new(Counter::default());
        let options = RegistryOptions {
            device: DeviceOptions { slots, policy, ..DeviceOptions::default() },
            observer: Arc::clone(&events) as Arc<dyn Observer>,
            clock,
            ..RegistryOptions::new(vec![Arc::clone(&engine) as _])
        };
        let registry = Registry::start(options, vec![spec]).unwrap();
        Self { registry, model, engine, events }
    }

    pub fn handle(&self) -> ModelHandle {
        self.registry.model("m").unwrap()
    }

    pub async fn warm(slots: usize, spec: ModelSpec) -> Self {
        let bench = Self::new(slots, spec);
        bench.handle().open().await.unwrap();
        bench
    }
}

pub fn call(class: Class, stream: u64) -> Call {
    Call::new(class, StreamKey(stream))
}
