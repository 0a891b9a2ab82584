//! Turns the runtime's events into counts.

use super::Metrics;
use samovar_runtime::{Event, Observer};

impl Observer for Metrics {
    fn observe(&self, event: &Event<'_>) {
        self.life.observe(event);
        self.work.observe(event);
    }
}
