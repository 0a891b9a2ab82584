//! Work on the queue and in the slots, counted: waits, batches, run times, drops, failures.

use super::labels::{DropLabels, ModelLabels};
use super::stages::{ClassFigures, Stages};
use super::{Counts, Times, add, quick, sizes};
use crate::streams::Latencies;
use parking_lot::Mutex;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;
use samovar_runtime::{Class, DropReason, Event};
use std::collections::HashMap;
use std::time::Duration;

pub(super) struct Work {
    queue_wait_seconds: Times<ModelLabels>,
    batch_size: Times<ModelLabels>,
    prepare_seconds: Times<ModelLabels>,
    inference_seconds: Times<ModelLabels>,
    finish_seconds: Times<ModelLabels>,
    dropped: Counts<DropLabels>,
    run_failures: Counts<ModelLabels>,
    stages: Stages,
    pub(super) panics: Counter,
    /// Beside the histograms, which cannot be read back: by model, and so bounded by the configuration.
    recent: Mutex<HashMap<String, Recent>>,
}

/// What is remembered of a model.
#[derive(Default)]
struct Recent {
    figures: WorkFigures,
    runs: Latencies,
}

/// What a model has done, and how long it took lately.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct WorkFigures {
    /// Batches that ran.
    pub(crate) runs: u64,
    /// Rows in them.
    pub(crate) rows: u64,
    /// The longest wait in a batch, on the average of recent ones.
    pub(crate) queued: Duration,
    /// The engine's run, on the average of recent ones.
    pub(crate) ran: Duration,
    /// Slots were busy with it for so long, all together.
    pub(crate) busy: Duration,
    /// Within this, half of the engine's recent runs came.
    pub(crate) ran_p50: Option<Duration>,
    /// The same for 99 in 100.
    pub(crate) ran_p99: Option<Duration>,
}

impl WorkFigures {
    /// What two models have done together, and how long the slower one took.
    pub(crate) fn beside(self, other: Self) -> Self {
        Self {
            runs: self.runs + other.runs,
            rows: self.rows + other.rows,
            queued: self.queued.max(other.queued),
            ran: self.ran.max(other.ran),
            busy: self.busy + other.busy,
            ran_p50: self.ran_p50.max(other.ran_p50),
            ran_p99: self.ran_p99.max(other.ran_p99),
        }
    }
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
            stages: Stages::register(into),
            panics: add(into, "samovar_panics", "Panics caught.", Counter::default()),
            recent: Mutex::default(),
        }
    }

    /// What the model has done, and how long it took lately.
    pub(super) fn recent(&self, model: &str) -> WorkFigures {
        self.recent.lock().get(model).map(Recent::figures).unwrap_or_default()
    }

    /// What each class has taken.
    pub(super) fn classes(&self) -> [ClassFigures; 3] {
        self.stages.figures()
    }

    /// Puts what has no model's name on the page, at zero.
    pub(super) fn know_classes(&self) {
        self.stages.know();
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
            Event::BatchRun { model, class, rows, waited, wrote, ran, read } => {
                let times = [waited, wrote, ran, read];
                self.remember(model, |recent| recent.add(rows, times));
                self.stages.ran(class, rows, times);
                self.batch_ran(&ModelLabels::new(model), rows, times);
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

    fn remember(&self, model: &str, change: impl FnOnce(&mut Recent)) {
        let mut recent = self.recent.lock();
        match recent.get_mut(model) {
            Some(known) => change(known),
            None => change(recent.entry(model.to_owned()).or_default()),
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

impl Recent {
    fn add(&mut self, rows: usize, [queued, wrote, ran, read]: [Duration; 4]) {
        self.runs.add(ran);
        let figures = &mut self.figures;
        figures.runs += 1;
        figures.rows += rows as u64;
        figures.busy += wrote + ran + read;
        // The first values count alike; then a new one counts one in 32.
        let weight = 1.0 / figures.runs.min(32) as f64;
        figures.queued = figures.queued.mul_f64(1.0 - weight) + queued.mul_f64(weight);
        figures.ran = figures.ran.mul_f64(1.0 - weight) + ran.mul_f64(weight);
    }

    fn figures(&self) -> WorkFigures {
        WorkFigures { ran_p50: self.runs.within(0.5), ran_p99: self.runs.within(0.99), ..self.figures }
    }
}
