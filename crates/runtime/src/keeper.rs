//! The one background thread of a registry: what has to happen without anybody asking.
//!
//! It looks twice a second. Each duty is one small function that starts an operation and does not wait for it, so that a
//! slow model holds no other duty up.

use crate::lifecycle::Model;
use crate::registry::Operations;
use parking_lot::Mutex;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

/// Looks after the models of a registry.
pub(crate) struct Keeper {
    models: Vec<Arc<Model>>,
    operations: Operations,
    /// One look at a time: the thread's own, or one that was asked for.
    looking: Mutex<()>,
}

/// How often it looks.
const LOOK_EVERY: Duration = Duration::from_millis(500);

impl Keeper {
    pub(crate) fn new(models: Vec<Arc<Model>>, operations: Operations) -> Self {
        Self { models, operations, looking: Mutex::new(()) }
    }

    /// Starts the thread; it ends when the operations are closed.
    pub(crate) fn start(self: &Arc<Self>) -> JoinHandle<()> {
        let keeper = Arc::clone(self);
        let body = move || {
            while !keeper.operations.sleep(LOOK_EVERY) {
                if catch_unwind(AssertUnwindSafe(|| keeper.look())).is_err() {
                    tracing::error!("a look at the models ended in a panic; the next one comes");
                }
            }
        };
        std::thread::Builder::new().name("keeper".to_owned()).spawn(body).expect("the system gives threads at start")
    }

    /// Does every duty once.
    pub(crate) fn look(&self) {
        let _looking = self.looking.lock();
        for model in &self.models {
            self.retry(model);
        }
    }

    /// Loads again what failed and is due.
    fn retry(&self, model: &Arc<Model>) {
        if model.spec.preload && model.claim_retry() {
            drop(self.operations.start(model, Model::preload));
        }
    }
}
