//! Models as JSON: OpenAI's list shape, with Samovar's detail beside it.

use super::ms;
use crate::metrics::WorkFigures;
use samovar_models::{Heads, Pooling};
use samovar_runtime::{Failure, Generation, ModelState, ModelStatus};
use samovar_service::text::{Pair, Tower, VectorFacts};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// All models, in the shape that OpenAI's clients read.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ModelList {
    /// Always `list`.
    pub(crate) object: &'static str,
    /// The models, by name; behind them the pairs.
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
    /// Of a pair: its towers, each of them a model of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) pair: Option<PairBody>,
    /// What it has done since the server began.
    pub(crate) work: WorkBody,
}

/// The towers of a pair by their models' names; what it lacks is left out.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PairBody {
    /// The model that makes vectors of pictures.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "clip-vision")]
    pub(crate) image: Option<String>,
    /// The model that makes vectors of texts.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "clip-text")]
    pub(crate) text: Option<String>,
}

/// What a model has done, and how long it took lately.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WorkBody {
    /// Batches that ran.
    pub(crate) runs: u64,
    /// Pictures, windows or other rows in them.
    pub(crate) rows: u64,
    /// Waiting for a slot, on the average of recent batches.
    pub(crate) queue_ms: f64,
    /// The engine's run, on the average of recent batches.
    pub(crate) inference_ms: f64,
    /// Half of the engine's recent runs came within; null before the first.
    pub(crate) inference_p50_ms: Option<f64>,
    /// The same for 99 in 100.
    pub(crate) inference_p99_ms: Option<f64>,
    /// Slots have been busy with it for so long, all together, in seconds.
    pub(crate) busy_s: f64,
}

/// Where a model is in its life, and what serves.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ModelDetail {
    /// `absent`, `loading`, `warming`, `ready`, `draining` or `failed`.
    #[schema(example = "ready")]
    pub(crate) state: &'static str,
    /// Whether it is loaded at start.
    pub(crate) preload: bool,
    /// Whether readiness waits for it while it is not ready.
    pub(crate) required: bool,
    /// Open streams that keep it in memory.
    pub(crate) holds: usize,
    /// The adapter that is folded into it, by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "whispering")]
    pub(crate) adapter: Option<String>,
    /// Why the last load failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) failure: Option<FailureBody>,
    /// Why the last reload failed, where the copy before it goes on serving.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reload_failure: Option<FailureBody>,
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
    /// The version of the model's folder, where it has versions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<u64>,
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
    /// The most bytes that the process had grown by at any time of the load.
    pub(crate) peak_bytes: u64,
    /// By what it was decided how it runs.
    pub(crate) plan: PlanBody,
    /// Reading the weights.
    pub(crate) load_ms: f64,
    /// What the warm-up took.
    pub(crate) warm_up: WarmUpBody,
    /// Of a model of texts or a tower: what its vectors are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) vectors: Option<VectorsBody>,
}

/// What a model of texts or a tower makes; what does not apply is left out.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct VectorsBody {
    /// Of a pair: `image` or `text`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tower: Option<&'static str>,
    /// Numbers of a vector, where the model's files say so.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 384)]
    pub(crate) dimensions: Option<usize>,
    /// Tokens of one text at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 256)]
    pub(crate) tokens_max: Option<usize>,
    /// `mean`, `cls` or `last-token`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "mean")]
    pub(crate) pooling: Option<&'static str>,
    /// Whether vectors have length 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) normalize: Option<bool>,
    /// `dense`, `sparse`, `multi_vector`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) heads: Vec<&'static str>,
    /// Names of prompts that may be asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) prompts: Vec<String>,
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

/// By what it was decided how a copy runs.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PlanBody {
    /// `default` (nothing was measured), `measured` by this process, or `stored`: measured by an earlier one, and verified.
    #[schema(example = "stored")]
    pub(crate) source: &'static str,
    /// What was measured; left out where nothing was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) measured: Option<MeasuredBody>,
}

/// What was measured of the way that won.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MeasuredBody {
    /// `throughput` or `latency`.
    pub(crate) optimize: &'static str,
    /// The engine.
    pub(crate) engine: String,
    /// The engine's version.
    pub(crate) engine_version: String,
    /// The arithmetic of the hot layers.
    pub(crate) precision: &'static str,
    /// CPU threads of one run.
    pub(crate) threads: usize,
    /// Runs that go on at the same time.
    pub(crate) slots: usize,
    /// Rows in one run at most.
    pub(crate) batch: usize,
    /// Rows a second with all slots busy, the engine's time alone.
    pub(crate) rows_per_s: f64,
    /// A run with nothing else going on.
    pub(crate) latency_ms: f64,
    /// Why this way won.
    pub(crate) why: String,
}

/// Asks for a reload.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ReloadRequest {
    /// A version of the model's folder, or `"latest"` for the one that the configuration chooses. The present one where left out.
    pub(crate) version: Option<VersionName>,
}

/// Which version.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum VersionName {
    /// By its number.
    Number(u64),
    /// As configured.
    Word(VersionWord),
}

/// A version by a word.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum VersionWord {
    /// The newest, unless the configuration pins one.
    Latest,
}

/// What came of a request for a warm model, and the model.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WarmUpAnswer {
    /// `ran`: it was warmed by or during this request; `skipped`: it was warm.
    pub(crate) outcome: WarmUpOutcome,
    /// The model.
    #[serde(flatten)]
    pub(crate) model: ModelBody,
}

/// What came of a request for a warm model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum WarmUpOutcome {
    /// It was warmed.
    Ran,
    /// It was warm.
    Skipped,
}

/// Asks for a warm-up.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct WarmUpRequest {
    /// Warm again what is warm.
    pub(crate) force: bool,
}

impl ModelBody {
    pub(crate) fn new(status: &ModelStatus, work: WorkFigures) -> Self {
        let detail = ModelDetail::new(status);
        let work = WorkBody::from(work);
        let id = status.name.clone();
        Self { id, object: "model", created: 0, owned_by: "samovar", detail, pair: None, work }
    }

    /// A pair: in the state of the tower that is furthest from ready, and with what both have done.
    pub(crate) fn of_pair(name: &str, pair: &Pair, towers: &[(ModelStatus, WorkFigures)]) -> Self {
        let statuses = || towers.iter().map(|(status, _)| status);
        let furthest = statuses().find(|status| status.state.generation().is_none()).or_else(|| statuses().next());
        let detail = ModelDetail {
            state: furthest.map_or("absent", |status| status.state.name()),
            preload: statuses().all(|status| status.preload),
            required: statuses().any(|status| status.required),
            holds: statuses().map(|status| status.holds).max().unwrap_or(0),
            adapter: None,
            failure: statuses().find_map(|status| ModelDetail::new(status).failure),
            reload_failure: None,
            serving: None,
        };
        let work = towers.iter().map(|(_, work)| *work).fold(WorkFigures::default(), WorkFigures::beside);
        let pair = Some(PairBody { image: pair.image.clone(), text: pair.text.clone() });
        let (id, work) = (name.to_owned(), WorkBody::from(work));
        Self { id, object: "model", created: 0, owned_by: "samovar", detail, pair, work }
    }
}

impl From<WorkFigures> for WorkBody {
    fn from(figures: WorkFigures) -> Self {
        Self {
            runs: figures.runs,
            rows: figures.rows,
            queue_ms: ms(figures.queued),
            inference_ms: ms(figures.ran),
            inference_p50_ms: figures.ran_p50.map(ms),
            inference_p99_ms: figures.ran_p99.map(ms),
            busy_s: figures.busy.as_secs_f64(),
        }
    }
}

impl ModelDetail {
    pub(crate) fn new(status: &ModelStatus) -> Self {
        let failure = match &status.state {
            ModelState::Failed(failure) => Some(FailureBody::from(failure)),
            _ => None,
        };
        let serving = status.state.generation().map(|generation| GenerationBody::new(generation));
        Self {
            state: status.state.name(),
            preload: status.preload,
            required: status.required,
            holds: status.holds,
            adapter: status.adapter.clone(),
            failure,
            reload_failure: status.reload_failure.as_ref().map(FailureBody::from),
            serving,
        }
    }
}

impl From<&Failure> for FailureBody {
    fn from(failure: &Failure) -> Self {
        Self {
            code: failure.kind.code(),
            cure: failure.kind.cure(),
            attempts: failure.attempts,
            retry_after_s: failure.retry_after().as_secs(),
        }
    }
}

impl PlanBody {
    fn new(generation: &Generation) -> Self {
        let measured = generation.plan().map(|plan| MeasuredBody {
            optimize: plan.optimize.name(),
            engine: plan.engine.clone(),
            engine_version: plan.engine_version.clone(),
            precision: plan.precision.name(),
            threads: plan.threads,
            slots: plan.slots,
            batch: plan.batch,
            rows_per_s: plan.rows_per_s,
            latency_ms: ms(plan.latency),
            why: plan.why.clone(),
        });
        Self { source: generation.plan_source().name(), measured }
    }
}

impl From<VectorFacts> for VectorsBody {
    fn from(facts: VectorFacts) -> Self {
        let heads = |heads: Heads| {
            let named = [("dense", heads.dense), ("sparse", heads.sparse), ("multi_vector", heads.multi_vector)];
            named.into_iter().filter_map(|(name, has)| has.then_some(name)).collect()
        };
        Self {
            tower: facts.tower.map(Tower::name),
            dimensions: facts.dimensions,
            tokens_max: facts.tokens_max,
            pooling: facts.pooling.map(Pooling::name),
            normalize: facts.normalize,
            heads: facts.heads.map(heads).unwrap_or_default(),
            prompts: facts.prompts,
        }
    }
}

impl GenerationBody {
    fn new(generation: &Generation) -> Self {
        let figures = generation.figures();
        Self {
            generation: generation.number,
            version: generation.version,
            family: generation.family.name(),
            engine: generation.engine,
            engine_version: generation.engine_version.clone(),
            precision: generation.precision.name(),
            precision_error: figures.precision_error,
            slots: generation.slots,
            threads: generation.threads,
            memory_bytes: figures.memory_bytes,
            peak_bytes: figures.peak_bytes,
            plan: PlanBody::new(generation),
            load_ms: ms(figures.load),
            warm_up: WarmUpBody {
                took_ms: ms(figures.warm_up),
                runs: figures.warm_up_runs,
                first_run_ms: ms(figures.first_run),
                settled_run_ms: ms(figures.settled_run),
            },
            vectors: VectorFacts::of(&*generation.family).map(VectorsBody::from),
        }
    }
}
