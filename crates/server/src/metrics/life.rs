//! The life of models, counted: loads, warm-ups, swaps, evictions, drift and plans.

use super::labels::{FailureLabels, ModelLabels, PlanLabels};
use super::{Counts, Times, add, slow};
use prometheus_client::registry::Registry;
use samovar_runtime::{Event, FailureKind};
use std::time::Duration;

pub(super) struct Life {
    loads: Counts<ModelLabels>,
    load_failures: Counts<FailureLabels>,
    load_seconds: Times<ModelLabels>,
    warm_ups: Counts<ModelLabels>,
    warm_ups_skipped: Counts<ModelLabels>,
    warm_up_seconds: Times<ModelLabels>,
    swaps: Counts<ModelLabels>,
    unloads: Counts<ModelLabels>,
    evictions: Counts<ModelLabels>,
    drift_rewarms: Counts<ModelLabels>,
    plan_measurements: Counts<ModelLabels>,
    plan_measurement_seconds: Times<ModelLabels>,
    plans_used: Counts<PlanLabels>,
    plan_mismatches: Counts<ModelLabels>,
}

impl Life {
    pub(super) fn register(into: &mut Registry) -> Self {
        Self {
            loads: add(into, "samovar_loads", "Models loaded.", Counts::default()),
            load_failures: add(into, "samovar_load_failures", "Loads that failed, by code.", Counts::default()),
            load_seconds: add(into, "samovar_load_seconds", "Loading a model, warm-up not included.", slow()),
            warm_ups: add(into, "samovar_warmup", "Warm-ups run to their end.", Counts::default()),
            warm_ups_skipped: add(
                into,
                "samovar_warmup_skipped",
                "Opens that found the model warm.",
                Counts::default(),
            ),
            warm_up_seconds: add(into, "samovar_warmup_duration_seconds", "Warming a model up.", slow()),
            swaps: add(into, "samovar_swaps", "Generations that took over from an older one.", Counts::default()),
            unloads: add(into, "samovar_unloads", "Generations that left memory.", Counts::default()),
            evictions: add(into, "samovar_evictions", "Models unloaded to make room for another.", Counts::default()),
            drift_rewarms: add(
                into,
                "samovar_drift_rewarms",
                "Warm-ups because a model had become slow.",
                Counts::default(),
            ),
            plan_measurements: add(
                into,
                "samovar_plan_measurements",
                "Plans measured to their end.",
                Counts::default(),
            ),
            plan_measurement_seconds: add(into, "samovar_plan_measurement_seconds", "Measuring a plan.", slow()),
            plans_used: add(
                into,
                "samovar_plan_used",
                "Loads that went by a plan, stored or measured in this process.",
                Counts::default(),
            ),
            plan_mismatches: add(
                into,
                "samovar_plan_mismatch",
                "Stored plans that did not hold here any more.",
                Counts::default(),
            ),
        }
    }

    /// Puts the model's series on the page, at zero.
    pub(super) fn know(&self, model: &str) {
        let labels = ModelLabels::new(model);
        for counts in [
            &self.loads,
            &self.warm_ups,
            &self.warm_ups_skipped,
            &self.swaps,
            &self.unloads,
            &self.evictions,
            &self.drift_rewarms,
            &self.plan_measurements,
            &self.plan_mismatches,
        ] {
            drop(counts.get_or_create(&labels));
        }
        for times in [&self.load_seconds, &self.warm_up_seconds, &self.plan_measurement_seconds] {
            drop(times.get_or_create(&labels));
        }
        for kind in FailureKind::ALL {
            drop(self.load_failures.get_or_create(&FailureLabels::new(model, kind.code())));
        }
        for stored in [false, true] {
            drop(self.plans_used.get_or_create(&PlanLabels::new(model, stored)));
        }
    }

    pub(super) fn observe(&self, event: &Event<'_>) {
        match *event {
            Event::Loaded { model, took } => timed(&self.loads, &self.load_seconds, model, took),
            Event::LoadFailed { model, code } => {
                self.load_failures.get_or_create(&FailureLabels::new(model, code)).inc();
            }
            Event::WarmedUp { model, took, .. } => timed(&self.warm_ups, &self.warm_up_seconds, model, took),
            Event::WarmUpSkipped { model } => count(&self.warm_ups_skipped, model),
            Event::Swapped { model } => count(&self.swaps, model),
            Event::Unloaded { model } => count(&self.unloads, model),
            Event::Evicted { model } => count(&self.evictions, model),
            Event::DriftRewarm { model, .. } => count(&self.drift_rewarms, model),
            Event::PlanMeasured { model, took } => {
                timed(&self.plan_measurements, &self.plan_measurement_seconds, model, took);
            }
            Event::PlanUsed { model, stored } => {
                self.plans_used.get_or_create(&PlanLabels::new(model, stored)).inc();
            }
            Event::PlanMismatch { model } => count(&self.plan_mismatches, model),
            _ => {}
        }
    }
}

fn timed(counts: &Counts<ModelLabels>, times: &Times<ModelLabels>, model: &str, took: Duration) {
    count(counts, model);
    times.get_or_create(&ModelLabels::new(model)).observe(took.as_secs_f64());
}

fn count(counts: &Counts<ModelLabels>, model: &str) {
    counts.get_or_create(&ModelLabels::new(model)).inc();
}
