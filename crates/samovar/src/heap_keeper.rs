//! Keeps the heap small: whenever a model has come or gone, what it freed goes back to the system.

use samovar_engines::trim_heap;
use samovar_runtime::{Event, Observer};
use std::sync::Arc;

/// An observer that trims the heap and passes everything on.
pub struct HeapKeeper {
    next: Option<Arc<dyn Observer>>,
}

impl HeapKeeper {
    /// In front of `next`, where there is one.
    pub fn new(next: Option<Arc<dyn Observer>>) -> Self {
        Self { next }
    }
}

impl Observer for HeapKeeper {
    fn observe(&self, event: &Event<'_>) {
        if matches!(event, Event::WarmedUp { .. } | Event::Unloaded { .. } | Event::LoadFailed { .. }) {
            trim_heap();
        }
        if let Some(next) = &self.next {
            next.observe(event);
        }
    }
}
