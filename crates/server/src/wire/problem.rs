//! Errors as JSON: problem details (RFC 9457) with Samovar's stable code.

use serde::Serialize;
use utoipa::ToSchema;

/// Why there is no answer (RFC 9457, with a stable `code`).
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Problem {
    /// The code as a URN.
    #[serde(rename = "type")]
    #[schema(example = "urn:samovar:problem:model_not_ready")]
    pub(crate) kind: String,
    /// The status in words.
    #[schema(example = "Service Unavailable")]
    pub(crate) title: &'static str,
    /// The HTTP status.
    #[schema(example = 503)]
    pub(crate) status: u16,
    /// For programs; it does not change from one version to the next.
    #[schema(example = "model_not_ready")]
    pub(crate) code: &'static str,
    /// For people.
    #[schema(example = "the model is not ready yet")]
    pub(crate) detail: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cure: Option<&'static str>,
}
