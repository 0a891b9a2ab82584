//! Does the work of a job: detection in one recorded video.

use super::attempt::Attempt;
use super::job_log::JobLog;
use super::settings::{job_additions, video_limits};
use crate::config::Config;
use crate::here;
use samovar_jobs::{Job, JobContext, JobId, JobRunner, RunEnd};
use samovar_media::{FfmpegProgram, VideoLimits};
use samovar_monitor::Monitor;
use samovar_pipelines::VideoBounds;
use samovar_recorded::{TaskResult, WorkFolder};
use samovar_runtime::{Registry, StreamKey};
use samovar_server::SourceAdditions;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// Works jobs through with the models of one registry.
pub struct VideoRunner {
    pub(super) registry: Arc<Registry>,
    /// Without it no video can be read.
    pub(super) ffmpeg: Option<FfmpegProgram>,
    pub(super) bounds: VideoBounds,
    pub(super) limits: VideoLimits,
    /// What jobs may name is looked at again before it is opened: links may have changed meanwhile.
    pub(super) additions: SourceAdditions,
    pub(super) monitor: Arc<Monitor>,
    work: PathBuf,
    streams: AtomicU64,
    log: JobLog,
}

/// Turns of jobs are told apart from those of live streams.
const FIRST_STREAM: u64 = 1 << 63;

impl VideoRunner {
    /// With the models of `registry`; every job has a folder in `work`.
    pub fn new(config: &Config, registry: Arc<Registry>, work: &Path, log: JobLog) -> Self {
        Self {
            registry,
            ffmpeg: here::ffmpeg(config).ok(),
            bounds: config.video.bounds(),
            limits: video_limits(config),
            additions: job_additions(config),
            monitor: Arc::new(Monitor::new()),
            work: work.to_path_buf(),
            streams: AtomicU64::new(FIRST_STREAM),
            log,
        }
    }

    pub(super) fn stream(&self) -> StreamKey {
        StreamKey(self.streams.fetch_add(1, Ordering::Relaxed))
    }

    async fn attempt(&self, job: Job, context: JobContext) -> RunEnd {
        let begun = Instant::now();
        let folder = WorkFolder::new(&self.work, &job.id.to_string());
        let end = match Attempt::read(self, &job, &context, folder) {
            Ok(attempt) => {
                self.log.begun(&job, attempt.name());
                Box::pin(attempt.run()).await
            }
            Err(end) => end,
        };
        self.log.ended(&job, &end, begun.elapsed());
        end
    }
}

impl JobRunner for VideoRunner {
    fn run(&self, job: Job, context: JobContext) -> Pin<Box<dyn Future<Output = RunEnd> + Send + '_>> {
        Box::pin(self.attempt(job, context))
    }

    fn settled(&self, id: JobId, result: &str) {
        let Ok(result) = serde_json::from_str::<TaskResult>(result) else { return };
        if let Err(error) = WorkFolder::new(&self.work, &id.to_string()).settle(&result.journal) {
            tracing::warn!(job = %id, %error, "what a job needs no more cannot be removed; it is tried again later");
        }
    }

    fn forget(&self, id: JobId) {
        let folder = WorkFolder::new(&self.work, &id.to_string());
        match std::fs::remove_dir_all(folder.path()) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => tracing::warn!(job = %id, %error, "what is left of a job cannot be removed"),
        }
    }
}
