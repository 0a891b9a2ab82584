//! A plan as programs are told of it.

use samovar_runtime::{Plan, Tried};
use serde::Serialize;
use std::time::SystemTime;

/// A plan.
#[derive(Clone, Debug, Serialize)]
pub struct PlanRecord {
    /// The model that it was measured for.
    pub model: String,
    /// Names its file; it follows from the weights, the machine and the configuration.
    pub key: String,
    engine: String,
    engine_version: String,
    precision: &'static str,
    threads: usize,
    slots: usize,
    batch: usize,
    optimize: &'static str,
    rows_per_s: f64,
    latency_ms: f64,
    memory_bytes: u64,
    precision_error: f32,
    /// Seconds since 1970.
    measured_at_s: u64,
    took_s: f64,
    why: String,
    tried: Vec<TriedRecord>,
    /// Whether it was measured just now; absent where that is not the question.
    #[serde(skip_serializing_if = "Option::is_none")]
    measured_now: Option<bool>,
}

/// One way that was tried.
#[derive(Clone, Debug, Serialize)]
struct TriedRecord {
    engine: String,
    engine_version: String,
    precision: &'static str,
    threads: usize,
    slots: usize,
    batch: usize,
    chosen: bool,
    #[serde(flatten)]
    figures: Option<FiguresRecord>,
    /// Why it was not measured or cannot be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
struct FiguresRecord {
    rows_per_s: f64,
    latency_ms: f64,
    memory_bytes: u64,
    precision_error: f32,
}

impl PlanRecord {
    /// The plan as it is told.
    pub fn new(plan: &Plan) -> Self {
        let measured_at = plan.measured_at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self {
            model: plan.model.clone(),
            key: plan.key.to_string(),
            engine: plan.engine.clone(),
            engine_version: plan.engine_version.clone(),
            precision: plan.precision.name(),
            threads: plan.threads,
            slots: plan.slots,
            batch: plan.batch,
            optimize: plan.optimize.name(),
            rows_per_s: plan.rows_per_s,
            latency_ms: plan.latency.as_secs_f64() * 1e3,
            memory_bytes: plan.memory_bytes,
            precision_error: plan.precision_error,
            measured_at_s: measured_at.as_secs(),
            took_s: plan.took.as_secs_f64(),
            why: plan.why.clone(),
            tried: plan.tried.iter().map(|tried| TriedRecord::new(plan, tried)).collect(),
            measured_now: None,
        }
    }

    /// The same, saying whether it was measured just now.
    pub const fn measured(mut self, now: bool) -> Self {
        self.measured_now = Some(now);
        self
    }
}

impl TriedRecord {
    fn new(plan: &Plan, Tried { candidate, outcome }: &Tried) -> Self {
        Self {
            engine: candidate.engine.clone(),
            engine_version: candidate.engine_version.clone(),
            precision: candidate.precision.name(),
            threads: candidate.threads,
            slots: candidate.slots,
            batch: candidate.batch,
            chosen: *candidate == plan.candidate(),
            figures: outcome.as_ref().ok().map(|figures| FiguresRecord {
                rows_per_s: figures.rows_per_s,
                latency_ms: figures.latency.as_secs_f64() * 1e3,
                memory_bytes: figures.memory_bytes,
                precision_error: figures.precision_error,
            }),
            refused: outcome.as_ref().err().cloned(),
        }
    }
}
