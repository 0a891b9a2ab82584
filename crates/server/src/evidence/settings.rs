//! What is kept of anomalies, where, and for how long.

use std::path::PathBuf;
use std::time::Duration;

/// What is kept of anomalies, where, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvidenceSettings {
    /// The folder; made where it is missing. It belongs to the server alone.
    pub folder: PathBuf,
    /// Keep an annotated picture of the beginning.
    pub snapshots: bool,
    /// Keep a clip around the beginning.
    pub clips: bool,
    /// Of a clip, before the anomaly is told.
    pub before: Duration,
    /// And after.
    pub after: Duration,
    /// Bytes of everything; the oldest goes first.
    pub bytes_max: u64,
    /// After how long it goes.
    pub age_max: Duration,
    /// Anomalies that are kept.
    pub count_max: usize,
    /// Pictures and clips that wait to be written; further ones are left out and counted.
    pub waiting_max: usize,
}

impl EvidenceSettings {
    /// Pictures and clips of 5 s before and after, 10 GiB, 30 days, 10,000 anomalies.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            snapshots: true,
            clips: true,
            before: Duration::from_secs(5),
            after: Duration::from_secs(5),
            bytes_max: 10 << 30,
            age_max: Duration::from_secs(30 * 24 * 3600),
            count_max: 10_000,
            waiting_max: 32,
        }
    }
}
