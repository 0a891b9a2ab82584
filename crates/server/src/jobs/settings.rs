//! The queue of recorded media, who works on it, and what clients may hand in.

use crate::SourceAdditions;
use samovar_jobs::{JobQueue, JobRunner, WorkerOptions};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

/// The queue of recorded media, who works on it, and what clients may hand in.
#[derive(Clone)]
pub struct JobSettings {
    /// The queue.
    pub queue: Arc<dyn JobQueue>,
    /// Does the work inside this server; none where workers outside do.
    pub runner: Option<Arc<dyn JobRunner>>,
    /// How it works.
    pub worker: WorkerOptions,
    /// Where every job has a folder of its own name.
    pub folder: PathBuf,
    /// Bytes of one video that is sent along.
    pub upload_bytes_max: u64,
    /// Bytes that must stay free on the disk: below, nothing is accepted.
    pub free_bytes_min: u64,
    /// Paths and addresses that a job may name. By default none.
    pub additions: SourceAdditions,
}

impl fmt::Debug for JobSettings {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("JobSettings")
            .field("worker", &self.worker)
            .field("folder", &self.folder)
            .field("upload_bytes_max", &self.upload_bytes_max)
            .finish_non_exhaustive()
    }
}
