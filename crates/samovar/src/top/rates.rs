//! What happened between two looks.

use super::reading::{Class, Reading};
use std::collections::HashMap;

/// What happened in each second between two looks at the same server; nothing where there was one look, or the server began anew.
#[derive(Clone, Debug, Default)]
pub struct Rates {
    models: HashMap<String, ModelRate>,
    jobs: HashMap<String, f64>,
    classes: HashMap<String, ClassRate>,
}

/// What a model did.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ModelRate {
    /// Batches in each second.
    pub runs_per_s: f64,
    /// Rows in each second.
    pub rows_per_s: f64,
    /// Share of all slots, 0–1.
    pub busy_share: f64,
}

/// What a class of work took.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClassRate {
    /// Rows in each second.
    pub rows_per_s: f64,
    /// What a row took in each stage, in milliseconds.
    pub stages_ms: Vec<(&'static str, f64)>,
}

/// The stages in their order.
const STAGES: [&str; 4] = ["queue", "prepare", "infer", "finish"];

impl Rates {
    /// Between `before` and `now`, by the server's own clock.
    pub fn between(before: &Reading, now: &Reading) -> Self {
        let seconds = now.machine.up_s - before.machine.up_s;
        if seconds <= 0.0 {
            return Self::default();
        }
        Self {
            models: models(before, now, seconds),
            jobs: jobs(before, now, seconds),
            classes: classes(before, now, seconds),
        }
    }

    /// Of a model.
    pub fn model(&self, id: &str) -> Option<ModelRate> {
        self.models.get(id).copied()
    }

    /// Frames of a job in each second.
    pub fn job(&self, id: &str) -> Option<f64> {
        self.jobs.get(id).copied()
    }

    /// Of a class.
    pub fn class(&self, class: &str) -> Option<&ClassRate> {
        self.classes.get(class)
    }
}

fn models(before: &Reading, now: &Reading, seconds: f64) -> HashMap<String, ModelRate> {
    let earlier: HashMap<_, _> = before.models.iter().map(|model| (&model.id, model.work)).collect();
    let slots = now.machine.slots.max(1) as f64;
    let rate = |model: &super::reading::Model| {
        let (then, work) = (earlier.get(&model.id)?, &model.work);
        Some((
            model.id.clone(),
            ModelRate {
                runs_per_s: work.runs.saturating_sub(then.runs) as f64 / seconds,
                rows_per_s: work.rows.saturating_sub(then.rows) as f64 / seconds,
                busy_share: ((work.busy_s - then.busy_s) / seconds / slots).clamp(0.0, 1.0),
            },
        ))
    };
    now.models.iter().filter_map(rate).collect()
}

fn jobs(before: &Reading, now: &Reading, seconds: f64) -> HashMap<String, f64> {
    let earlier: HashMap<_, _> = before.jobs.iter().map(|job| (&job.id, job.progress.done)).collect();
    let running = now.jobs.iter().filter(|job| job.state == "running");
    let rate = |job: &super::reading::Job| {
        let done = job.progress.done.saturating_sub(*earlier.get(&job.id)?);
        Some((job.id.clone(), done as f64 / seconds))
    };
    running.filter_map(rate).collect()
}

fn classes(before: &Reading, now: &Reading, seconds: f64) -> HashMap<String, ClassRate> {
    let pairs = now.machine.classes.iter().zip(&before.machine.classes);
    pairs.map(|(class, then)| (class.class.clone(), class_rate(then, class, seconds))).collect()
}

fn class_rate(then: &Class, now: &Class, seconds: f64) -> ClassRate {
    let rows = now.rows.saturating_sub(then.rows) as f64;
    let of = |class: &Class, stage: &str| class.stages_s.get(stage).copied().unwrap_or(0.0);
    let stage = |stage| (stage, (of(now, stage) - of(then, stage)).max(0.0) * 1e3 / rows);
    let stages_ms = if rows > 0.0 { STAGES.map(stage).to_vec() } else { Vec::new() };
    ClassRate { rows_per_s: rows / seconds, stages_ms }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::top::section::tests::readings;

    #[test]
    fn rates_are_told_by_the_servers_clock() {
        let [before, now] = readings();
        let rates = Rates::between(&before, &now);
        let model = rates.model("person").unwrap();
        assert_eq!((model.runs_per_s, model.rows_per_s, model.busy_share), (10.0, 20.0, 0.25));
        assert_eq!(rates.job("j1"), Some(30.0));
        let live = rates.class("live").unwrap();
        let (stage, ms) = live.stages_ms[2];
        assert_eq!((live.rows_per_s, stage, (ms * 1e6).round()), (20.0, "infer", 20e6));
        assert_eq!(rates.class("job").unwrap().stages_ms, []);
    }

    #[test]
    fn a_server_that_began_anew_has_no_rates_yet() {
        let [before, now] = readings();
        let rates = Rates::between(&now, &before);
        assert_eq!((rates.model("person"), rates.job("j1")), (None, None));
    }
}
