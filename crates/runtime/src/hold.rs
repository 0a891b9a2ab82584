//! What keeps a model in memory: holds of open streams, and when it was last used.

use crate::lifecycle::Model;
use samovar_schedule::Moment;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

/// Keeps a model from being evicted and from being unloaded for idleness, until it is dropped. Take it before the model is opened, so
/// that nothing comes between. It does not keep anybody from unloading the model by name.
pub struct Hold {
    model: Arc<Model>,
}

impl Hold {
    pub(crate) fn new(model: Arc<Model>) -> Self {
        model.usage.holds.fetch_add(1, Ordering::SeqCst);
        Self { model }
    }
}

impl Drop for Hold {
    /// The idle time of a model begins when its last stream ends.
    fn drop(&mut self) {
        self.model.touch();
        self.model.usage.holds.fetch_sub(1, Ordering::SeqCst);
    }
}

impl std::fmt::Debug for Hold {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a hold on {}", self.model.spec.name)
    }
}

/// Who uses a model.
#[derive(Debug, Default)]
pub(crate) struct Usage {
    holds: AtomicUsize,
    /// The moment of the last use, on the device's clock.
    last: AtomicU64,
}

impl Usage {
    /// How many hold the model.
    pub(crate) fn holds(&self) -> usize {
        self.holds.load(Ordering::SeqCst)
    }

    pub(crate) fn touch(&self, now: Moment) {
        self.last.fetch_max(now.0, Ordering::Relaxed);
    }

    /// The moment of the last use.
    pub(crate) fn last(&self) -> Moment {
        Moment(self.last.load(Ordering::Relaxed))
    }

    /// For how long nobody has used it.
    pub(crate) fn idle_for(&self, now: Moment) -> Duration {
        now.saturating_since(self.last())
    }
}
