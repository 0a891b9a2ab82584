//! Evidence as JSON.

use super::rfc3339;
use crate::evidence::EvidenceFacts;
use serde::Serialize;
use serde_json::value::RawValue;
use std::time::{Duration, UNIX_EPOCH};
use utoipa::ToSchema;

/// What is kept of anomalies, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EvidenceList {
    /// Always `list`.
    #[schema(example = "list")]
    pub(crate) object: &'static str,
    /// What is kept.
    pub(crate) data: Vec<EvidenceBody>,
}

/// What is kept of one anomaly.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EvidenceBody {
    /// Its name.
    #[schema(example = "6f9619ff8b86d011b42d00c04fc964ff")]
    id: String,
    /// When the picture was taken (RFC 3339).
    #[schema(example = "2026-11-21T06:23:14.120Z")]
    time: String,
    /// The same in milliseconds of Unix time: what `since_ms` and `until_ms` are compared with.
    time_unix_ms: u64,
    /// The source; null where a client sent the stream.
    source: Option<String>,
    /// The stream's name while it was open.
    stream: String,
    /// Where the annotated picture is.
    snapshot: Option<String>,
    /// Where the clip is; null where there is none, or none yet.
    clip: Option<String>,
    /// Bytes of all of it.
    bytes: u64,
    /// The event as it was told; only of one that is asked for by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub(crate) event: Option<Box<RawValue>>,
}

impl From<&EvidenceFacts> for EvidenceBody {
    fn from(facts: &EvidenceFacts) -> Self {
        let id = facts.id.to_string();
        let part = |bytes: Option<u64>, name: &str| bytes.map(|_| format!("/v1/evidence/{id}/{name}"));
        Self {
            time: rfc3339(UNIX_EPOCH + Duration::from_millis(facts.time_unix_ms)),
            time_unix_ms: facts.time_unix_ms,
            source: facts.source.clone(),
            stream: facts.stream.clone(),
            snapshot: part(facts.snapshot_bytes, "snapshot.jpg"),
            clip: part(facts.clip_bytes, "clip.mp4"),
            bytes: facts.bytes(),
            event: None,
            id,
        }
    }
}
