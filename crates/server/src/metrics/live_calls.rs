//! How live calls do, all of them together: a call has no series of its own, so that the page stays bounded.

use super::add;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use samovar_pipelines::CallEvent;
use std::sync::atomic::AtomicU64;

type Seconds = Counter<f64, AtomicU64>;

/// How live calls do.
pub(crate) struct LiveCallMetrics {
    partial_seconds: Histogram,
    final_seconds: Histogram,
    heard_seconds: Seconds,
    lost_seconds: Seconds,
    errors: Counter,
}

impl LiveCallMetrics {
    pub(super) fn register(into: &mut Registry) -> Self {
        let latency = || Histogram::new(exponential_buckets(0.01, 2.0, 14));
        Self {
            partial_seconds: add(
                into,
                "samovar_call_partial_seconds",
                "From the arrival of a live call's sound to the partial text of it.",
                latency(),
            ),
            final_seconds: add(
                into,
                "samovar_call_final_seconds",
                "From the end of an utterance of a live call to its final text.",
                latency(),
            ),
            heard_seconds: add(
                into,
                "samovar_call_heard_seconds",
                "Sound of live calls that ended.",
                Seconds::default(),
            ),
            lost_seconds: add(
                into,
                "samovar_call_lost_seconds",
                "Sound of live calls that was not transcribed.",
                Seconds::default(),
            ),
            errors: add(into, "samovar_call_errors", "Errors told to live calls.", Counter::default()),
        }
    }

    /// An event of a live call.
    pub(crate) fn told(&self, event: &CallEvent) {
        match event {
            CallEvent::Partial { latency, .. } => self.partial_seconds.observe(latency.as_secs_f64()),
            CallEvent::Final { latency, .. } => self.final_seconds.observe(latency.as_secs_f64()),
            CallEvent::Lost { from_s, to_s } => drop(self.lost_seconds.inc_by((to_s - from_s).max(0.0))),
            CallEvent::Error { .. } | CallEvent::AudioFailed(_) => drop(self.errors.inc()),
            CallEvent::Ended { heard_s } => drop(self.heard_seconds.inc_by(heard_s.max(0.0))),
            _ => {}
        }
    }
}
