//! Turns the runtime's events into counts.

use super::{Metrics, labels::DropLabels, labels::FailureLabels, labels::ModelLabels};
use samovar_runtime::{Event, Observer};
use std::time::Duration;

impl Observer for Metrics {
    fn observe(&self, event: &Event<'_>) {
        match *event {
            Event::Loaded { model, took } => {
                self.loads.get_or_create(&of(model)).inc();
                self.load_seconds.get_or_create(&of(model)).observe(took.as_secs_f64());
            }
            Event::LoadFailed { model, code } => {
                let labels = FailureLabels { model: model.to_owned(), code };
                self.load_failures.get_or_create(&labels).inc();
            }
            Event::WarmedUp { model, took, .. } => {
                self.warm_ups.get_or_create(&of(model)).inc();
                self.warm_up_seconds.get_or_create(&of(model)).observe(took.as_secs_f64());
            }
            Event::WarmUpSkipped { model } => count(&self.warm_ups_skipped, model),
            Event::Swapped { model } => count(&self.swaps, model),
            Event::Unloaded { model } => count(&self.unloads, model),
            Event::BatchRun { model, rows, waited, wrote, ran, read, .. } => {
                self.batch_ran(&of(model), rows, [waited, wrote, ran, read]);
            }
            Event::Dropped { model, class, reason } => {
                let labels = DropLabels { model: model.to_owned(), class: class.name(), reason: reason.name() };
                self.dropped.get_or_create(&labels).inc();
            }
            Event::RunFailed { model } => count(&self.run_failures, model),
            Event::Panicked { .. } => {
                self.panics.inc();
            }
            _ => {}
        }
    }
}

impl Metrics {
    fn batch_ran(&self, model: &ModelLabels, rows: usize, times: [Duration; 4]) {
        self.batch_size.get_or_create(model).observe(rows as f64);
        let histograms =
            [&self.queue_wait_seconds, &self.prepare_seconds, &self.inference_seconds, &self.finish_seconds];
        for (histogram, time) in histograms.into_iter().zip(times) {
            histogram.get_or_create(model).observe(time.as_secs_f64());
        }
    }
}

fn of(model: &str) -> ModelLabels {
    ModelLabels { model: model.to_owned() }
}

fn count(counts: &super::Counts<ModelLabels>, model: &str) {
    counts.get_or_create(&of(model)).inc();
}
