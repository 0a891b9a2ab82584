//! Measures models unasked: one at a time, each once, while nobody else has work for the device.

use super::{PlanKey, PlanSource, Tried, TuneFailure, TuneFailureKind};
use crate::Clock;
use crate::lifecycle::Model;
use crate::operations::Operations;
use parking_lot::Mutex;
use samovar_schedule::Moment;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// Which models were measured unasked, and whether one is at present.
#[derive(Default)]
pub(crate) struct Background {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    measuring: bool,
    /// Measurements that were begun. Bounded: see [`TRIED_MAX`].
    begun: HashMap<PlanKey, Begun>,
}

/// A measurement that has come to no plan.
#[derive(Default)]
struct Begun {
    /// When it may be tried again; none: never.
    again: Option<Moment>,
    /// What it has found out.
    learned: Vec<Tried>,
}

const TRIED_MAX: usize = 1024;
/// How long a device that was too busy for a measurement is left alone.
const BUSY_REST: Duration = Duration::from_secs(600);

/// Ends a measurement in the state however it ends, a panic included.
struct Measuring(Arc<Mutex<State>>);

impl Background {
    /// Starts a measurement if none goes on and a model that serves by default has had none.
    pub(crate) fn look(&self, models: &[Arc<Model>], operations: &Operations) {
        for model in models.iter().filter(|model| model.shared.plans.options.background) {
            let Some(key) = wanting(model) else { continue };
            let Some((measuring, mut learned)) = self.begin(&key, &model.shared.device.clock) else { continue };
            let (closing, state) = (operations.clone(), Arc::clone(&self.state));
            let body = move |model: &Model| {
                let _measuring = measuring;
                let tuned = model.tune_unasked(&|| closing.sleep(Duration::ZERO), &mut learned);
                if let Err(failure) = tuned {
                    state.lock().note(key, &failure, learned, &model.shared.device.clock);
                    let (model, code, reason) = (&model.spec.name, failure.kind.code(), &failure.reason);
                    tracing::info!(%model, code, %reason, "the model was not measured; it goes on as it is");
                }
            };
            // Whoever closes the registry needs no measurement.
            drop(operations.start(model, body));
            return;
        }
    }

    fn begin(&self, key: &PlanKey, clock: &Clock) -> Option<(Measuring, Vec<Tried>)> {
        let mut state = self.state.lock();
        let waits = state.begun.get(key).is_some_and(|begun| begun.again.is_none_or(|again| clock.now() < again));
        if state.measuring || waits {
            return None;
        }
        state.measuring = true;
        if state.begun.len() >= TRIED_MAX && !state.begun.contains_key(key) {
            state.begun.clear();
        }
        // What ends in a panic is not tried again either.
        let before = state.begun.insert(key.clone(), Begun::default());
        Some((Measuring(Arc::clone(&self.state)), before.unwrap_or_default().learned))
    }
}

impl State {
    fn note(&mut self, key: PlanKey, failure: &TuneFailure, learned: Vec<Tried>, clock: &Clock) {
        let again = matches!(failure.kind, TuneFailureKind::Busy | TuneFailureKind::Stopped);
        self.begun.insert(key, Begun { again: again.then(|| clock.now() + BUSY_REST), learned });
    }
}

impl Drop for Measuring {
    fn drop(&mut self) {
        self.0.lock().measuring = false;
    }
}

/// The key of the plan that a model should have; none where it has one or is not loaded.
fn wanting(model: &Model) -> Option<PlanKey> {
    let generation = model.serving()?;
    let in_use = generation.plan_in_use();
    (in_use.source == PlanSource::Default).then(|| in_use.key.clone()).flatten()
}
