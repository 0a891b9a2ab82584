//! A model of a running server as it is shown: one line for people.

use serde::Deserialize;

/// What is shown of a model.
#[derive(Clone, Debug, Deserialize)]
pub struct ModelView {
    /// Its name.
    pub id: String,
    /// Where it is in its life.
    pub state: String,
    failure: Option<FailureView>,
    /// The copy that serves.
    pub serving: Option<ServingView>,
}

#[derive(Clone, Debug, Deserialize)]
struct FailureView {
    code: String,
    cure: String,
}

/// The copy that serves.
#[derive(Clone, Debug, Deserialize)]
pub struct ServingView {
    /// Counts up with each load.
    pub generation: u64,
    /// The version of its folder, where it has versions.
    pub version: Option<u64>,
    engine: String,
    engine_version: String,
    precision: String,
    slots: usize,
    threads: usize,
    memory_bytes: u64,
    load_ms: f64,
    warm_up: WarmUpView,
}

#[derive(Clone, Debug, Deserialize)]
struct WarmUpView {
    took_ms: f64,
    runs: u32,
    first_run_ms: f64,
    settled_run_ms: f64,
}

impl ModelView {
    /// What it is now, in one line.
    pub fn line(&self) -> String {
        match (&self.serving, &self.failure) {
            (Some(serving), _) => format!("{}: {}, {}", self.id, self.state, serving.text()),
            (None, Some(failure)) => format!("{}: failed[{}]; cure: {}", self.id, failure.code, failure.cure),
            (None, None) => format!("{}: {}", self.id, self.state),
        }
    }
}

impl ServingView {
    /// Which copy it is: `version 3, generation 2`.
    pub fn name(&self) -> String {
        let version = self.version.map_or_else(String::new, |version| format!("version {version}, "));
        format!("{version}generation {}", self.generation)
    }

    fn text(&self) -> String {
        format!(
            "{}: {} {} {}, {} slots × {} thread(s), {:.0} MiB; loaded in {:.0} ms, warm in {:.0} ms ({} runs, {:.1} ms falling to {:.1} ms)",
            self.name(),
            self.engine,
            self.engine_version,
            self.precision,
            self.slots,
            self.threads,
            self.memory_bytes as f64 / 1_048_576.0,
            self.load_ms,
            self.warm_up.took_ms,
            self.warm_up.runs,
            self.warm_up.first_run_ms,
            self.warm_up.settled_run_ms,
        )
    }
}
