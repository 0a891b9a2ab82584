//! `[jobs]`: recorded media that clients hand in: where they are kept, who works on them, how much may wait, what may be named.

use schemars::JsonSchema;
use serde::Deserialize;
use std::path::PathBuf;

/// Recorded media that clients hand in, and that survive a crash.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct JobsSection {
    /// Whether jobs are taken. Default: they are, unless the folder is the default one and cannot be used or is another server's.
    pub enabled: Option<bool>,
    /// Where the queue, uploads and results are kept. Default: `jobs` in Samovar's own folder, which is one server's at a time.
    pub folder: Option<PathBuf>,
    /// Whether the server works on jobs itself; without, `samovar worker` does.
    pub worker: bool,
    /// Jobs at the same time. Default: as many as runs of a model, 4 at most.
    #[schemars(range(min = 1, max = 256))]
    pub jobs_at_once: Option<usize>,
    /// Jobs that wait or run.
    #[schemars(range(min = 1, max = 10_000_000))]
    pub jobs_max: u64,
    /// Jobs of one client that wait or run.
    #[schemars(range(min = 1, max = 10_000_000))]
    pub jobs_per_client_max: u64,
    /// How often a job is begun before it is given up.
    #[schemars(range(min = 1, max = 100))]
    pub attempts_max: u32,
    /// After how long without a sign of life a worker counts as dead, and its jobs wait again.
    #[schemars(range(min = 1, max = 3_600))]
    pub lease_s: u64,
    /// The wait after a job's first failure; it doubles with each further one.
    #[schemars(range(max = 3_600_000))]
    pub backoff_ms: u64,
    /// The longest such wait.
    #[schemars(range(max = 86_400))]
    pub backoff_max_s: u64,
    /// How long finished jobs and their results are kept.
    #[schemars(range(min = 1, max = 36_500))]
    pub retention_days: u64,
    /// How many finished jobs are kept; the oldest goes first.
    #[schemars(range(min = 1, max = 10_000_000))]
    pub finished_max: u64,
    /// Bytes of one video that is sent along.
    pub upload_bytes_max: String,
    /// Bytes that must stay free on the disk: below, nothing is accepted.
    pub free_bytes_min: String,
    /// The longest video.
    #[schemars(range(min = 1, max = 2_592_000))]
    pub duration_max_s: u64,
    /// Folders whose files jobs may name, relative to this file's folder.
    pub roots: Vec<PathBuf>,
    /// Hosts whose videos jobs may name: `media.example`, `*.archive.example`.
    pub hosts: Vec<String>,
    /// Kinds of such addresses: `http`, `https`.
    pub schemes: Vec<String>,
}

impl Default for JobsSection {
    fn default() -> Self {
        Self {
            enabled: None,
            folder: None,
            worker: true,
            jobs_at_once: None,
            jobs_max: 100_000,
            jobs_per_client_max: 10_000,
            attempts_max: 5,
            lease_s: 30,
            backoff_ms: 1_000,
            backoff_max_s: 300,
            retention_days: 7,
            finished_max: 100_000,
            upload_bytes_max: "4GiB".to_owned(),
            free_bytes_min: "256MiB".to_owned(),
            duration_max_s: 86_400,
            roots: Vec::new(),
            hosts: Vec::new(),
            schemes: Vec::new(),
        }
    }
}
