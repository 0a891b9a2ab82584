//! Processes that come and go at one place: the model's file and its plans stay, engines and counts are fresh.

use crate::support::{Counter, FEATURES, Row, call, rows, spec};
use samovar_engine_api::Precision;
use samovar_engines::{FakeCall, FakeEngine, FakeModel};
use samovar_runtime::{
    Class, Clock, DeviceOptions, Generation, ManualClock, ModelHandle, ModelSource, ModelSpec, Observer, Plan,
    PlanOptions, PlanStore, PrecisionChoice, Registry, RegistryOptions, TuneFailure, TuneOptions,
};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// A folder with one model's file and the plans.
pub struct Place {
    pub folder: tempfile::TempDir,
}

/// One engine with its form of the model. A fresh one has counted nothing: as after a restart.
pub struct Stove {
    pub engine: Arc<FakeEngine>,
    pub model: FakeModel,
}

/// A process: a registry with some engines.
pub struct Process {
    pub registry: Registry,
    pub events: Arc<Counter>,
}

impl Place {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("m"), "weights").unwrap();
        Self { folder }
    }

    pub fn model(&self) -> PathBuf {
        self.folder.path().join("m")
    }

    pub fn plans(&self) -> PathBuf {
        self.folder.path().join("cache")
    }

    pub fn spec(&self) -> ModelSpec {
        let source = ModelSource::file(self.model());
        ModelSpec { source, precision: PrecisionChoice::Auto, ..spec("m") }
    }

    /// An engine whose runs take what `took_us` says, on the clock of `hand`.
    pub fn stove(
        &self,
        name: &'static str,
        hand: &ManualClock,
        took_us: impl Fn(FakeCall) -> u64 + Send + Sync + 'static,
    ) -> Stove {
        self.stove_of(FakeEngine::named(name), hand, took_us)
    }

    pub fn stove_of(
        &self,
        engine: FakeEngine,
        hand: &ManualClock,
        took_us: impl Fn(FakeCall) -> u64 + Send + Sync + 'static,
    ) -> Stove {
        let (model, hand) = (FakeModel::rows(FEATURES), hand.clone());
        model.on_run(move |run| hand.advance(Duration::from_micros(took_us(run))));
        Stove { engine: Arc::new(engine.with(self.model(), &model)), model }
    }

    pub fn process(&self, clock: &Clock, stoves: &[&Stove]) -> Process {
        self.process_with(clock, stoves, self.spec(), |_| ())
    }

    pub fn process_with(
        &self,
        clock: &Clock,
        stoves: &[&Stove],
        spec: ModelSpec,
        change: impl FnOnce(&mut RegistryOptions),
    ) -> Process {
        let events = Arc::new(Counter::default());
        let engines = stoves.iter().map(|stove| Arc::clone(&stove.engine) as _).collect();
        let mut options = RegistryOptions {
            device: DeviceOptions { slots: 1, ..DeviceOptions::default() },
            observer: Arc::clone(&events) as Arc<dyn Observer>,
            clock: clock.clone(),
            plans: PlanOptions { folder: Some(self.plans()), ..PlanOptions::default() },
            ..RegistryOptions::new(engines)
        };
        change(&mut options);
        Process { registry: Registry::start(options, vec![spec]).unwrap(), events }
    }

    pub fn stored(&self) -> Vec<Plan> {
        PlanStore::open(self.plans()).list()
    }
}

impl Process {
    pub async fn tune(&self) -> Result<Arc<Plan>, TuneFailure> {
        self.registry.tune("m", TuneOptions::default()).await.unwrap()
    }

    pub async fn open(&self) -> Arc<Generation> {
        self.registry.load("m").await.unwrap().unwrap()
    }

    pub fn handle(&self) -> ModelHandle {
        self.registry.model("m").unwrap()
    }

    pub async fn answers(&self) {
        let answer = self.handle().submit(Row::of(2.0), rows(), call(Class::Live, 1)).unwrap().await.unwrap();
        assert_eq!(answer.output, Row::expected(2.0));
    }
}

/// f32 takes `f32_us` for each row, bf16 `bf16_us`.
pub fn by_precision(f32_us: u64, bf16_us: u64) -> impl Fn(FakeCall) -> u64 {
    move |run| run.rows as u64 * if run.precision == Precision::F32 { f32_us } else { bf16_us }
}

/// Measures with a `slow` engine that is first and a `fast` one, in a process that ends.
pub async fn measured(place: &Place, clock: &Clock, hand: &ManualClock) -> (Stove, Stove) {
    let process = place.process(clock, &[&slow(place, hand), &fast(place, hand)]);
    let plan = process.tune().await.unwrap();
    assert_eq!(plan.engine, "fast");
    (slow(place, hand), fast(place, hand))
}

pub fn slow(place: &Place, hand: &ManualClock) -> Stove {
    place.stove("slow", hand, by_precision(10_000, 9_000))
}

pub fn fast(place: &Place, hand: &ManualClock) -> Stove {
    place.stove("fast", hand, by_precision(5_000, 3_000))
}

/// Waits for what happens on other threads; nothing is measured by it.
pub async fn until(reached: impl Fn() -> bool) {
    let wait = async {
        while !reached() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), wait).await.unwrap();
}
