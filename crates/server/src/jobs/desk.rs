//! Where jobs are handed in and asked for: the queue with everything around it that is this server's own.

use super::exports::Exports;
use super::folder::NewFolder;
use super::upload::Upload;
use super::upload_places::UploadPlaces;
use super::watches::JobWatches;
use super::{JobSettings, free_space};
use crate::error::{ApiError, Refusal};
use crate::metrics::JobInputKind;
use crate::{Metrics, ServerError};
use parking_lot::Mutex;
use samovar_jobs::{Enqueued, JobErrorKind, JobId, JobQueue, JobTime, Submission, WorkerFigures};
use samovar_recorded::{TaskInput, VideoTask, WorkFolder};
use samovar_service::access::Caller;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::time::{Instant, timeout};
use tokio_util::task::TaskTracker;

/// Where jobs are handed in and asked for. One value per server.
pub(crate) struct JobDesk {
    pub(crate) settings: JobSettings,
    /// Results on their way out of journals.
    pub(crate) exports: Exports,
    /// Jobs that somebody follows.
    pub(crate) watches: JobWatches,
    places: Arc<UploadPlaces>,
    /// When the queue was last counted.
    counted: Mutex<Option<Instant>>,
    /// What the worker inside does, once it does.
    worked: OnceLock<Arc<WorkerFigures>>,
}

/// A job that may be accepted.
pub(crate) struct NewJob {
    pub(crate) id: JobId,
    pub(crate) task: VideoTask,
    pub(crate) priority: u8,
    pub(crate) idempotency_key: Option<String>,
    pub(crate) caller: Caller,
}

/// The one kind of work that there is so far.
const DETECT: &str = "detect";

impl JobDesk {
    /// # Errors
    /// `Jobs` where the folder cannot be made.
    pub(crate) fn open(settings: &JobSettings, metrics: &Metrics) -> Result<Self, ServerError> {
        std::fs::create_dir_all(&settings.folder).map_err(|error| ServerError::Jobs(error.to_string()))?;
        metrics.jobs.know();
        Ok(Self {
            exports: Exports::new(settings.exports_max),
            watches: JobWatches::default(),
            places: UploadPlaces::new(settings.uploads_max, settings.uploads_per_client_max),
            counted: Mutex::new(None),
            worked: OnceLock::new(),
            settings: settings.clone(),
        })
    }

    /// Shows from now on what this worker does.
    pub(super) fn show(&self, worked: Arc<WorkerFigures>) {
        self.worked.get_or_init(|| worked);
    }

    /// The queue.
    pub(crate) fn queue(&self) -> &dyn JobQueue {
        &*self.settings.queue
    }

    /// The folder of that job.
    pub(crate) fn folder(&self, id: JobId) -> WorkFolder {
        WorkFolder::new(&self.settings.folder, &id.to_string())
    }

    /// Refuses where less than what must stay free would be left after so many bytes.
    ///
    /// # Errors
    /// `storage_full`, `storage_failed`.
    pub(crate) async fn check_space(&self, more: u64) -> Result<(), ApiError> {
        free_space::check(self.settings.folder.clone(), self.settings.free_bytes_min, more).await
    }

    /// A folder for a job that sends nothing along.
    ///
    /// # Errors
    /// `storage_full`, `storage_failed`.
    pub(crate) async fn new_folder(&self, id: JobId) -> Result<NewFolder, ApiError> {
        self.check_space(0).await?;
        NewFolder::create(self.settings.folder.clone(), id).await
    }

    /// Takes in a video that is sent along, of so many bytes where that was said.
    ///
    /// # Errors
    /// `too_many_uploads`, `storage_full`, `storage_failed`.
    pub(crate) async fn receive(
        self: &Arc<Self>,
        id: JobId,
        caller: &Caller,
        declared: Option<u64>,
        metrics: &Arc<Metrics>,
    ) -> Result<Upload, ApiError> {
        let full = || ApiError::new(Refusal::Uploads, "as many videos are on their way in as may be");
        let place = self.places.enter(&caller.name).ok_or_else(full)?;
        self.check_space(declared.unwrap_or(0)).await?;
        let folder = NewFolder::create(self.settings.folder.clone(), id).await?;
        Upload::begin(Arc::clone(self), Arc::clone(metrics), folder, place).await
    }

    /// Hands the job in and keeps its folder if it is accepted. The answer is there after the commit. It goes on if the caller goes away:
    /// what was committed must not lose its folder.
    ///
    /// # Errors
    /// The queue's.
    pub(crate) async fn submit(
        self: &Arc<Self>,
        job: NewJob,
        folder: NewFolder,
        tasks: &TaskTracker,
    ) -> Result<Enqueued, ApiError> {
        let payload = serde_json::to_string(&job.task).map_err(|_| ApiError::internal())?;
        let submission = Submission {
            id: job.id,
            kind: DETECT.to_owned(),
            owner: job.caller.name.to_string(),
            payload,
            priority: job.priority,
            idempotency_key: job.idempotency_key,
        };
        let desk = Arc::clone(self);
        let accepted = tasks.spawn(async move {
            let enqueued = desk.queue().enqueue(submission, JobTime::now()).await;
            match &enqueued {
                Ok(Enqueued { existed: true, .. }) => {}
                Ok(_) => folder.keep(),
                // A commit whose answer did not come may be there all the same. If it is not, the folder is an orphan.
                Err(error) if error.kind() == JobErrorKind::Storage => folder.keep(),
                Err(_) => {}
            }
            Ok(enqueued?)
        });
        accepted.await.map_err(|_| ApiError::internal())?
    }

    /// Counts the queue for the page of metrics, once a second at most and without waiting for long.
    pub(crate) async fn sample(&self, metrics: &Metrics) {
        const EVERY: Duration = Duration::from_secs(1);
        const PATIENCE: Duration = Duration::from_millis(500);
        let now = Instant::now();
        {
            let mut counted = self.counted.lock();
            if counted.is_some_and(|at| now < at + EVERY) {
                return;
            }
            *counted = Some(now);
        }
        self.worked.get().into_iter().for_each(|worked| metrics.jobs.worked(worked));
        match timeout(PATIENCE, self.queue().counts(JobTime::now())).await {
            Ok(Ok(counts)) => metrics.jobs.sampled(&counts),
            Ok(Err(error)) => tracing::warn!(%error, "jobs cannot be counted"),
            Err(_) => tracing::warn!("jobs cannot be counted in time"),
        }
    }
}

impl From<&TaskInput> for JobInputKind {
    fn from(input: &TaskInput) -> Self {
        match input {
            TaskInput::Upload => Self::Upload,
            TaskInput::Path(_) => Self::Path,
            TaskInput::Url(_) => Self::Url,
        }
    }
}
