//! The one background thread of a registry: what has to happen without anybody asking.
//!
//! It looks twice a second. Each duty is one small function that starts an operation and does not wait for it, so that a
//! slow model holds no other duty up.

use crate::Clock;
use crate::lifecycle::Model;
use crate::operations::Operations;
use crate::plan::Background;
use crate::source::Stamp;
use parking_lot::Mutex;
use samovar_schedule::Moment;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

/// Looks after the models of a registry.
pub(crate) struct Keeper {
    models: Vec<Arc<Model>>,
    operations: Operations,
    clock: Clock,
    /// Measures models that have no plan.
    background: Background,
    /// Held during a look: one at a time, the thread's own or one that was asked for.
    watched: Mutex<Watched>,
}

/// What the keeper remembers of files from one look to the next.
struct Watched {
    /// When they were last looked at.
    looked: Moment,
    /// Changes that were seen at the last look, by model: a change counts when it looks the same at the next one, which a file that is
    /// still being written does not.
    changes: HashMap<String, Stamp>,
}

/// How often it looks.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How often it looks at files.
const WATCH_EVERY: Duration = Duration::from_secs(2);

impl Keeper {
    pub(crate) fn new(models: Vec<Arc<Model>>, operations: Operations, clock: Clock) -> Self {
        let watched = Watched { looked: clock.now(), changes: HashMap::new() };
        Self { models, operations, clock, background: Background::default(), watched: Mutex::new(watched) }
    }

    /// Looks until the operations are closed: the body of the keeper's thread.
    pub(crate) fn keep(&self) {
        while !self.operations.sleep(LOOK_EVERY) {
            if catch_unwind(AssertUnwindSafe(|| self.look())).is_err() {
                tracing::error!("a look at the models ended in a panic; the next one comes");
            }
        }
    }

    /// Does every duty once.
    pub(crate) fn look(&self) {
        let mut watched = self.watched.lock();
        for model in &self.models {
            self.retry(model);
            self.mend_drift(model);
            self.let_idle_go(model);
        }
        self.background.look(&self.models, &self.operations);
        if self.clock.now().saturating_since(watched.looked) >= WATCH_EVERY {
            watched.looked = self.clock.now();
            for model in self.models.iter().filter(|model| model.spec.watch) {
                self.watch(model, &mut watched.changes);
            }
        }
    }

    /// Warms again what has become slow.
    fn mend_drift(&self, model: &Arc<Model>) {
        let Some(generation) = model.serving() else { return };
        if let Some(drift) = generation.take_drift() {
            drop(self.operations.start(model, move |model| model.warm_after_drift(&generation, drift)));
        }
    }

    /// Loads again what failed and is due.
    fn retry(&self, model: &Arc<Model>) {
        if model.spec.preload && model.claim_retry() {
            drop(self.operations.start(model, Model::preload));
        }
    }

    /// Unloads what nobody has used for its idle time.
    fn let_idle_go(&self, model: &Arc<Model>) {
        if model.has_idled() {
            drop(self.operations.start(model, Model::unload_if_idle));
        }
    }

    /// Takes up a file that has changed and rests, or a version that has appeared.
    fn watch(&self, model: &Arc<Model>, changes: &mut HashMap<String, Stamp>) {
        let name = &model.spec.name;
        let Some(change) = model.change() else {
            changes.remove(name);
            return;
        };
        if changes.insert(name.clone(), change) == Some(change) {
            changes.remove(name);
            tracing::info!(model = %name, "the model's file has changed: it is loaded beside the one that serves");
            drop(self.operations.start(model, Model::take_up_change));
        }
    }
}
