//! What stands beside a picture and a clip: the event that they show, as JSON in a file of its own.

use crate::random_id::RandomId;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// The file beside a picture and a clip. It is written last, so that what it names is there.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Sidecar {
    /// The name of all three files, without their endings.
    pub(super) id: String,
    /// When the anomaly was told, in milliseconds of Unix time.
    pub(super) time_unix_ms: u64,
    /// The source; none where a client sent the stream.
    pub(super) source: Option<String>,
    /// The stream's name on the board.
    pub(super) stream: String,
    /// Bytes of the picture; none where there is none.
    pub(super) snapshot_bytes: Option<u64>,
    /// Bytes of the clip; none where there is none.
    pub(super) clip_bytes: Option<u64>,
    /// The event as it was told.
    pub(super) event: Box<RawValue>,
}

/// What is known of a piece of evidence without opening a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EvidenceFacts {
    /// Its name.
    pub(crate) id: RandomId,
    /// When the anomaly was told, in milliseconds of Unix time.
    pub(crate) time_unix_ms: u64,
    /// The source; none where a client sent the stream.
    pub(crate) source: Option<String>,
    /// The stream's name on the board.
    pub(crate) stream: String,
    /// Bytes of the picture; none where there is none.
    pub(crate) snapshot_bytes: Option<u64>,
    /// Bytes of the clip; none where there is none, or none yet.
    pub(crate) clip_bytes: Option<u64>,
    /// Bytes of the sidecar.
    pub(crate) sidecar_bytes: u64,
}

impl Sidecar {
    /// The facts; none where the file is not one of ours.
    pub(super) fn facts(&self, sidecar_bytes: u64) -> Option<EvidenceFacts> {
        Some(EvidenceFacts {
            id: RandomId::parse(&self.id)?,
            time_unix_ms: self.time_unix_ms,
            source: self.source.clone(),
            stream: self.stream.clone(),
            snapshot_bytes: self.snapshot_bytes,
            clip_bytes: self.clip_bytes,
            sidecar_bytes,
        })
    }
}

impl EvidenceFacts {
    /// Bytes of all its files.
    pub(crate) fn bytes(&self) -> u64 {
        let parts = [self.snapshot_bytes, self.clip_bytes, Some(self.sidecar_bytes)];
        parts.into_iter().flatten().fold(0, u64::saturating_add)
    }
}
