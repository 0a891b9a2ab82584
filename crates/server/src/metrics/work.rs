//! Work on the queue and in the slots, counted: waits, batches, run times, drops, failures.

use super::labels::{DropLabels, ModelLabels};
use super::{Counts, Times, add, quick, sizes};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;
use samovar_runtime::{Class, DropReason, Event};
use std::time::Duration;

pub(super) struct Work {
    queue_wait_seconds: Times<ModelLabels>,
    batch_size: Times<ModelLabels>,
    prepare_seconds: Times<ModelLabels>,
    inference_seconds: Times<ModelLabels>,
    finish_seconds: Times<ModelLabels>,
    dropped: Counts<DropLabels>,
    run_failures: Counts<ModelLabels>,
    pub(super) panics: Counter,
}

impl Work {
    pub(super) fn register(into: &mut Registry) -> Self {
        Self {
            queue_wait_seconds: add(into, "samovar_queue_wait_seconds", "Longest wait in a batch.", quick()),
            batch_size: add(into, "samovar_batch_size", "Rows in a batch.", sizes()),
            prepare_seconds: add(into, "samovar_prepare_seconds", "Writing a batch's rows.", quick()),
            inference_seconds: add(into, "samovar_inference_seconds", "The engine's run of a batch.", quick()),
            finish_seconds: add(into, "samovar_finish_seconds", "Reading a batch's rows.", quick()),
            dropped: add(into, "samovar_dropped", "Work that was not started, by class and reason.", Counts::default()),
            run_failures: add(into, "samovar_run_failures", "Runs that failed in the engine.", Counts::default()),
            panics: add(into, "samovar_panics", "Panics caught.", Counter::default()),
        }
    }

    /// Puts the model's series on the page, at zero.
    pub(super) fn know(&self, model: &str) {
        let labels = ModelLabels::new(model);
        drop(self.run_failures.get_or_create(&labels));
        drop(self.batch_size.get_or_create(&labels));
        for times in self.times() {
            drop(times.get_or_create(&labels));
        }
        for class in Class::ALL {
            for reason in DropReason::ALL {
                drop(self.dropped.get_or_create(&DropLabels::new(model, class, reason)));
            }
        }
    }

    pub(super) fn observe(&self, event: &Event<'_>) {
        match *event {
            Event::BatchRun { model, rows, waited, wrote, ran, read, .. } => {
                self.batch_ran(&ModelLabels::new(model), rows, [waited, wrote, ran, read]);
            }
            Event::Dropped { model, class, reason } => {
                self.dropped.get_or_create(&DropLabels::new(model, class, reason)).inc();
            }
            Event::RunFailed { model } => {
                self.run_failures.get_or_create(&ModelLabels::new(model)).inc();
            }
            Event::Panicked { .. } => {
                self.panics.inc();
            }
            _ => {}
        }
    }

    fn batch_ran(&self, model: &ModelLabels, rows: usize, times: [Duration; 4]) {
        self.batch_size.get_or_create(model).observe(rows as f64);
        for (histogram, time) in self.times().into_iter().zip(times) {
            histogram.get_or_create(model).observe(time.as_secs_f64());
        }
    }

    /// The parts of a batch's time, in their order.
    const fn times(&self) -> [&Times<ModelLabels>; 4] {
        [&self.queue_wait_seconds, &self.prepare_seconds, &self.inference_seconds, &self.finish_seconds]
    }
}
