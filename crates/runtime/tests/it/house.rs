//! A registry of several models in virtual time, and ways to wait for what comes by itself.

use crate::support::{Counter, FEATURES, Row, call, rows};
use samovar_engines::{FakeEngine, FakeModel};
use samovar_runtime::{
    Class, Clock, Completed, DeviceOptions, Failure, ManualClock, ModelHandle, ModelSpec, ModelState, Observer,
    Registry, RegistryOptions, RunError,
};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Bytes in a GiB: so large that what the test itself takes does not matter beside it.
pub const GIB: u64 = 1 << 30;

/// Several models on one device of two slots.
pub struct House {
    pub registry: Arc<Registry>,
    pub models: BTreeMap<String, FakeModel>,
    pub engine: Arc<FakeEngine>,
    pub events: Arc<Counter>,
    pub hand: ManualClock,
}

impl House {
    /// These models, each of one GiB, with options as `adapt` leaves them.
    pub fn new(specs: Vec<ModelSpec>, adapt: impl FnOnce(&mut RegistryOptions)) -> Self {
        let engine = Arc::new(FakeEngine::new());
        let models: BTreeMap<String, FakeModel> = specs.iter().map(|spec| (spec.name.clone(), heavy())).collect();
        for spec in &specs {
            engine.put(spec.source.path(), &models[&spec.name]);
        }
        let events = Arc::new(Counter::default());
        let (clock, hand) = Clock::manual();
        let mut options = RegistryOptions {
            device: DeviceOptions { slots: 2, ..DeviceOptions::default() },
            observer: Arc::clone(&events) as Arc<dyn Observer>,
            clock,
            ..RegistryOptions::new(vec![Arc::clone(&engine) as _])
        };
        adapt(&mut options);
        let registry = Arc::new(Registry::start(options, specs).unwrap());
        Self { registry, models, engine, events, hand }
    }

    pub fn handle(&self, name: &str) -> ModelHandle {
        self.registry.model(name).unwrap()
    }

    pub fn state(&self, name: &str) -> &'static str {
        self.handle(name).state().name()
    }

    /// Opens a model as a request does, a second after the last one.
    pub async fn open(&self, name: &str) -> Result<u64, RunError> {
        self.hand.advance(Duration::from_secs(1));
        soon(self.handle(name).open()).await.map(|opened| opened.generation().number)
    }

    pub async fn run(&self, name: &str, value: f32) -> Result<Completed<Vec<f32>>, RunError> {
        self.hand.advance(Duration::from_secs(1));
        soon(self.handle(name).submit(Row::of(value), rows(), call(Class::Interactive, 1))?).await
    }

    /// Why the model's last load failed.
    pub fn failure(&self, name: &str) -> Failure {
        let ModelState::Failed(failure) = self.handle(name).state() else { panic!("`{name}` has not failed") };
        failure
    }

    /// Copies of all models in memory.
    pub fn alive(&self) -> u64 {
        self.models.values().map(|model| model.counts().loaded_alive).sum()
    }
}

/// A model of one GiB.
pub fn heavy() -> FakeModel {
    let model = FakeModel::rows(FEATURES);
    model.set_weights_bytes(GIB);
    model
}

/// Fails a test that waits for something that does not come; nothing is measured by it.
pub async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(15), what).await.unwrap()
}

/// Lets others run until `reached`.
pub async fn until(reached: impl Fn() -> bool) {
    soon(async {
        while !reached() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
}
