//! A model of a running server as it is shown: one line for people.

use serde::Deserialize;

/// What is shown of a model.
#[derive(Clone, Debug, Deserialize)]
pub struct ModelView {
    /// Its name.
    pub id: String,
    /// Where it is in its life.
    pub state: String,
    /// `ran` or `skipped`; only where a warm model was asked for.
    pub outcome: Option<String>,
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
    peak_bytes: u64,
    plan: PlanView,
    load_ms: f64,
    warm_up: WarmUpView,
}

#[derive(Clone, Debug, Deserialize)]
struct PlanView {
    source: String,
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

impl ModelView {
    /// What it is now, in the columns of a table: name, state, engine, precision, memory, plan.
    pub fn row(&self) -> [String; 6] {
        let state =
            self.failure.as_ref().map_or_else(|| self.state.clone(), |failure| format!("failed: {}", failure.code));
        let told = |tell: &dyn Fn(&ServingView) -> String| self.serving.as_ref().map_or_else(|| "-".to_owned(), tell);
        [
            self.id.clone(),
            state,
            told(&|serving| format!("{} {}", serving.engine, serving.engine_version)),
            told(&|serving| serving.precision.clone()),
            told(&|serving| format!("{} MiB", serving.memory_bytes >> 20)),
            told(&|serving| serving.plan.source.clone()),
        ]
    }
}

impl ServingView {
    /// Which copy it is: `version 3, generation 2`.
    pub fn name(&self) -> String {
        let version = self.version.map_or_else(String::new, |version| format!("version {version}, "));
        format!("{version}generation {}", self.generation)
    }

    fn text(&self) -> String {
        let mib = |bytes: u64| bytes as f64 / 1_048_576.0;
        let Self { engine, engine_version, precision, slots, threads, warm_up, .. } = self;
        let runs =
            format!("{} runs, {:.1} ms, then {:.1} ms", warm_up.runs, warm_up.first_run_ms, warm_up.settled_run_ms);
        [
            format!("{}: {engine} {engine_version} {precision}, {slots} slots × {threads} thread(s)", self.name()),
            format!("{} plan", self.plan.source),
            format!("{:.0} MiB (at most {:.0} MiB)", mib(self.memory_bytes), mib(self.peak_bytes)),
            format!("loaded in {:.0} ms, warm in {:.0} ms ({runs})", self.load_ms, warm_up.took_ms),
        ]
        .join(", ")
    }
}
