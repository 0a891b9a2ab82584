//! Models as JSON: OpenAI's list shape, with Samovar's detail beside it.

use super::ms;
use samovar_runtime::{Generation, ModelState, ModelStatus};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// All models, in the shape that OpenAI's clients read.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ModelList {
    /// Always `list`.
    pub(crate) object: &'static str,
    /// The models, by name.
    pub(crate) data: Vec<ModelBody>,
}

/// One model.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ModelBody {
    /// The configured name.
    #[schema(example = "person")]
    pub(crate) id: String,
    /// Always `model`.
    pub(crate) object: &'static str,
    /// Always 0: models have no date here.
    pub(crate) created: u64,
    /// Always `samovar`.
    pub(crate) owned_by: &'static str,
    /// What is particular to Samovar.
    #[serde(flatten)]
    pub(crate) detail: ModelDetail,
}

/// Where a model is in its life, and what serves.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ModelDetail {
    /// `absent`, `loading`, `warming`, `ready`, `draining` or `failed`.
    #[schema(example = "ready")]
    pub(crate) state: &'static str,
    /// Whether it is loaded at start and counts for readiness.
    pub(crate) preload: bool,
    /// Why the last load failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) failure: Option<FailureBody>,
    /// The loaded copy that serves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) serving: Option<GenerationBody>,
}

/// Why a load failed. The reason in words may name files, so it is in the server's log.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FailureBody {
    /// For programs.
    #[schema(example = "model_file_damaged")]
    pub(crate) code: &'static str,
    /// What to do about it.
    pub(crate) cure: &'static str,
    /// Failed attempts since the last success.
    pub(crate) attempts: u32,
    /// When it is tried again, in seconds.
    pub(crate) retry_after_s: u64,
}

/// A loaded copy of a model.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct GenerationBody {
    /// Counts up with each load, from 1.
    pub(crate) generation: u64,
    /// What goes in and comes out.
    #[schema(example = "yolo")]
    pub(crate) family: &'static str,
    /// The engine that runs it.
    #[schema(example = "rten")]
    pub(crate) engine: &'static str,
    /// The engine's version.
    pub(crate) engine_version: String,
    /// The arithmetic of its hot layers.
    #[schema(example = "f32")]
    pub(crate) precision: &'static str,
    /// Largest relative difference from f32 on the warm-up input; only below f32.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) precision_error: Option<f32>,
    /// Runs that can go on at the same time.
    pub(crate) slots: usize,
    /// CPU threads of one run.
    pub(crate) threads: usize,
    /// Bytes that the process grew by when it was loaded.
    pub(crate) memory_bytes: u64,
    /// Reading the weights.
    pub(crate) load_ms: f64,
    /// What the warm-up took.
    pub(crate) warm_up: WarmUpBody,
}

/// What a warm-up took.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WarmUpBody {
    /// All of it.
    pub(crate) took_ms: f64,
    /// Runs that it needed.
    pub(crate) runs: u32,
    /// The very first run.
    pub(crate) first_run_ms: f64,
    /// The run that it settled at.
    pub(crate) settled_run_ms: f64,
}

/// Asks for a warm-up.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct WarmUpRequest {
    /// Warm again what is warm.
    pub(crate) force: bool,
}

impl ModelBody {
    pub(crate) fn new(status: &ModelStatus) -> Self {
        let detail = ModelDetail::new(status);
        Self { id: status.name.clone(), object: "model", created: 0, owned_by: "samovar", detail }
    }
}

impl ModelDetail {
    pub(crate) fn new(status: &ModelStatus) -> Self {
        let failure = match &status.state {
            ModelState::Failed(failure) => Some(FailureBody {
                code: failure.kind.code(),
                cure: failure.kind.cure(),
                attempts: failure.attempts,
                retry_after_s: failure.retry_after().as_secs(),
            }),
            _ => None,
        };
        let serving = status.state.generation().map(|generation| GenerationBody::new(generation));
        Self { state: status.state.name(), preload: status.preload, failure, serving }
    }
}

impl GenerationBody {
    fn new(generation: &Generation) -> Self {
        let figures = generation.figures();
        Self {
            generation: generation.number,
            family: generation.family.name(),
            engine: generation.engine,
            engine_version: generation.engine_version.clone(),
            precision: generation.precision.name(),
            precision_error: figures.precision_error,
            slots: generation.slots,
            threads: generation.threads,
            memory_bytes: figures.memory_bytes,
            load_ms: ms(figures.load),
            warm_up: WarmUpBody {
                took_ms: ms(figures.warm_up),
                runs: figures.warm_up_runs,
                first_run_ms: ms(figures.first_run),
                settled_run_ms: ms(figures.settled_run),
            },
        }
    }
}
