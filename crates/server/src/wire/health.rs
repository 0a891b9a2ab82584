//! The probes' answers as JSON.

use super::ModelDetail;
use serde::Serialize;
use utoipa::ToSchema;

/// A probe's answer.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProbeBody {
    /// `live`, `ready`, `started`, or what stands in the way: `draining`, `not_ready`, `starting`.
    #[schema(example = "ready")]
    pub(crate) status: &'static str,
    /// For programs; only where the answer is no.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<&'static str>,
    /// For people; only where the answer is no.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) detail: Option<&'static str>,
    /// Models that stand in the way.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) models: Vec<UnreadyModel>,
}

/// A model that readiness waits for.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UnreadyModel {
    /// Its name.
    pub(crate) name: String,
    /// Where it is in its life.
    #[schema(example = "failed")]
    pub(crate) state: &'static str,
    /// Why its load failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "model_file_damaged")]
    pub(crate) code: Option<&'static str>,
    /// When it is tried again, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) retry_after_s: Option<u64>,
}

/// Everything at a glance.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HealthBody {
    /// `ready`, `not_ready` or `draining`.
    #[schema(example = "ready")]
    pub(crate) status: &'static str,
    /// The server's version.
    pub(crate) version: &'static str,
    /// Batches that can run at the same time.
    pub(crate) slots: usize,
    /// Work that waits, by class.
    pub(crate) waiting: WaitingBody,
    /// Open live streams.
    pub(crate) streams: i64,
    /// Memory of the process, in bytes.
    pub(crate) resident_bytes: u64,
    /// Names of the models that are ready.
    pub(crate) models_loaded: Vec<String>,
    /// Every configured model.
    pub(crate) models: Vec<ModelHealth>,
    /// Whether calls are kept; null where none are to be.
    pub(crate) calls: Option<CallHealth>,
    /// The rules that tell how urgent a call is.
    pub(crate) triage: TriageHealth,
}

/// Whether calls are kept.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CallHealth {
    /// `keeping`, or `losing` where the last write failed: calls go on, and what they tell is not kept.
    #[schema(example = "keeping")]
    pub(crate) status: &'static str,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "storage_full")]
    pub(crate) code: Option<&'static str>,
}

/// The rules that tell how urgent a call is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TriageHealth {
    /// How many are in force.
    pub(crate) rules: usize,
    /// Why newer ones in their file are not.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "triage_rule")]
    pub(crate) code: Option<&'static str>,
    /// The same for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) detail: Option<String>,
}

/// Work that waits, by class.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WaitingBody {
    pub(crate) live: usize,
    pub(crate) interactive: usize,
    pub(crate) job: usize,
}

/// One model at a glance.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ModelHealth {
    /// Its name.
    pub(crate) name: String,
    /// The rest.
    #[serde(flatten)]
    pub(crate) detail: ModelDetail,
}
