//! A plan as it is shown and kept: the way that won, its figures, and what else was tried.

use super::{Candidate, PlanKey, Sample};
use crate::Optimize;
use samovar_engine_api::Precision;
use std::time::{Duration, SystemTime};

/// The measured best way to run one model here.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The model that it was measured for.
    pub model: String,
    /// What it holds for: these weights, this hardware, this configuration.
    pub key: PlanKey,
    /// The engine's name.
    pub engine: String,
    /// The engine library's version.
    pub engine_version: String,
    /// Arithmetic of the hot layers.
    pub precision: Precision,
    /// CPU threads of one run.
    pub threads: usize,
    /// Runs that go on at the same time.
    pub slots: usize,
    /// Rows in one run at most.
    pub batch: usize,
    /// What it was measured for.
    pub optimize: Optimize,
    /// Rows a second with all slots busy, the engine's time alone.
    pub rows_per_s: f64,
    /// The median of runs with nothing else going on.
    pub latency: Duration,
    /// Bytes that the process grew by while it was measured; at least the weights.
    pub memory_bytes: u64,
    /// Largest relative difference (L2) of any output from the f32 reference on the warm-up input.
    pub precision_error: f32,
    /// When it was measured, by the wall clock: only to be shown.
    pub measured_at: SystemTime,
    /// How long all the measurements took.
    pub took: Duration,
    /// Everything that was tried, the winner included. Empty where nothing was measured ([`Plan::is_measured`]).
    pub tried: Vec<Tried>,
    /// Why this one won, in a sentence with figures.
    pub why: String,
    /// Name and version of every engine that could have been chosen. With others the plan is measured again.
    pub engines: Vec<(String, String)>,
    /// The f32 reference on the warm-up input, for the run that verifies the plan when it is used.
    pub(crate) sample: Sample,
}

/// One way that was tried.
#[derive(Clone, Debug, PartialEq)]
pub struct Tried {
    /// The way.
    pub candidate: Candidate,
    /// What was measured, or why there is nothing.
    pub outcome: Result<Figures, String>,
}

/// What was measured of one way to run a model.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Figures {
    /// Rows a second with all slots busy, the engine's time alone.
    pub rows_per_s: f64,
    /// The median of runs with nothing else going on.
    pub latency: Duration,
    /// Bytes that the process grew by; at least the weights.
    pub memory_bytes: u64,
    /// Largest relative difference of any output from the f32 reference.
    pub precision_error: f32,
}

/// By what a generation runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum PlanSource {
    /// The safe default: the first engine that can run it, a faster precision if it agrees.
    #[default]
    Default,
    /// A plan that this process measured.
    Measured,
    /// A plan that an earlier process measured, verified by the first run.
    Stored,
}

impl PlanSource {
    /// The word in answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Measured => "measured",
            Self::Stored => "stored",
        }
    }
}

impl Plan {
    /// Whether anything was measured. If not, it tells how a large model runs by default: in which precision it agrees.
    pub fn is_measured(&self) -> bool {
        !self.tried.is_empty()
    }

    /// The way that won.
    pub fn candidate(&self) -> Candidate {
        Candidate {
            engine: self.engine.clone(),
            engine_version: self.engine_version.clone(),
            precision: self.precision,
            threads: self.threads,
            slots: self.slots,
            batch: self.batch,
        }
    }
}
