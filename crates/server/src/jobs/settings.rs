//! The queue of recorded media, who works on it, and what clients may hand in.

use crate::SourceAdditions;
use samovar_jobs::{JobQueue, JobRunner, WorkerOptions};
use std::fmt;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// The queue of recorded media, who works on it, and what clients may hand in.
#[derive(Clone)]
pub struct JobSettings {
    /// The queue.
    pub queue: Arc<dyn JobQueue>,
    /// Does the work inside this server; none where workers outside do. Ended leases and old jobs are seen to in any case.
    pub runner: Option<Arc<dyn JobRunner>>,
    /// How it works, and looks for those.
    pub worker: WorkerOptions,
    /// Where every job has a folder of its own name: `folder/<id>/upload` and so on. Made where it is missing. Folders in it that are
    /// named like jobs, that the queue does not know and that nobody has written to for an hour are removed.
    pub folder: PathBuf,
    /// Bytes of one video that is sent along.
    pub upload_bytes_max: u64,
    /// Slowest upload, in bytes per second on the average so far. How long one may be silent is `ServerLimits::body_idle_time`.
    pub upload_rate_min_bytes: u64,
    /// Uploads at the same time.
    pub uploads_max: usize,
    /// Uploads at the same time of one client.
    pub uploads_per_client_max: usize,
    /// Bytes that must stay free on the disk: below, nothing is accepted.
    pub free_bytes_min: u64,
    /// Results that are exported from journals at the same time.
    pub exports_max: usize,
    /// Every N-th frame is looked at where a job does not say which.
    pub every: NonZeroU32,
    /// Paths and addresses that a job may name. By default none.
    pub additions: SourceAdditions,
}

impl JobSettings {
    /// No work inside, uploads of 4 GiB at 16 KiB/s and more, 16 at once and 4 of one client, 256 MiB that stay free, 2 exports at once,
    /// no paths and no addresses. `folder` is where every job has a folder of its own name.
    pub fn new(queue: Arc<dyn JobQueue>, folder: impl Into<PathBuf>) -> Self {
        let worker = WorkerOptions {
            name: "server".to_owned(),
            jobs_at_once: 1,
            poll: Duration::from_secs(1),
            heartbeat: Duration::from_secs(10),
            grace: Duration::from_secs(10),
        };
        Self {
            queue,
            runner: None,
            worker,
            folder: folder.into(),
            upload_bytes_max: 4 << 30,
            upload_rate_min_bytes: 16 << 10,
            uploads_max: 16,
            uploads_per_client_max: 4,
            free_bytes_min: 256 << 20,
            exports_max: 2,
            every: NonZeroU32::MIN,
            additions: SourceAdditions::default(),
        }
    }
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
