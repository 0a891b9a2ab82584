//! Jobs as JSON.

use super::rfc3339;
use samovar_jobs::{Job, JobTime};
use samovar_pipelines::SourceAddress;
use samovar_recorded::{ResultFormat, TaskInput, TaskResult, VideoTask};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::{Duration, UNIX_EPOCH};
use utoipa::ToSchema;

/// Jobs, the newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct JobList {
    /// Always `list`.
    #[schema(example = "list")]
    pub(crate) object: &'static str,
    /// The jobs, without their results.
    pub(crate) data: Vec<JobBody>,
    /// Whether there are more: ask again with `before` set to the last `id`.
    pub(crate) has_more: bool,
}

/// A job.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct JobBody {
    /// Its name. Whoever knows it may ask for the job.
    #[schema(example = "6f9619ff8b86d011b42d00c04fc964ff")]
    id: String,
    /// Always `job`.
    #[schema(example = "job")]
    object: &'static str,
    /// What is done.
    #[schema(example = "detect")]
    kind: String,
    /// `queued`, `running`, `done`, `failed` (it was given up) or `cancelled`.
    #[schema(example = "running")]
    state: &'static str,
    /// Somebody asked for its end while it runs.
    cancel_asked: bool,
    /// What is to be done.
    task: Option<JobTaskBody>,
    /// Higher goes first.
    priority: u8,
    /// How often it was begun.
    attempts: u32,
    /// How far the present attempt is.
    progress: JobProgressBody,
    /// When it was accepted (RFC 3339).
    #[schema(example = "2026-11-21T06:23:14.120Z")]
    created: String,
    /// When its first attempt began.
    started: Option<String>,
    /// When it came to its end.
    ended: Option<String>,
    /// When it is tried again; only of one that waits after a failure.
    retry_at: Option<String>,
    /// What its last attempt failed with.
    failure: Option<JobFailureBody>,
    /// What came of it; only of one that is done and asked for by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<JobResultBody>,
}

/// What is to be done with one video.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct JobTaskBody {
    /// What the video is called in results.
    #[schema(example = "walk.mp4")]
    name: String,
    /// `upload`, `path` or `url`.
    #[schema(example = "upload")]
    input: &'static str,
    /// SHA-256 of a video that was sent along.
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
    /// Where it is fetched, without user, password and query.
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    /// The model.
    #[schema(example = "person")]
    model: String,
    /// Only what scores above this is reported.
    score_min: f32,
    /// Two boxes of a class that overlap by more than this count as one object; null for the model's own.
    iou_max: Option<f32>,
    /// The classes that are reported; empty for all of them.
    classes: Vec<String>,
    /// Which frames are looked at.
    #[schema(value_type = Object)]
    frames: Value,
    /// What is written besides the results.
    #[schema(value_type = Object)]
    outputs: Value,
}

/// How far a job is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct JobProgressBody {
    /// Frames that were looked at.
    #[schema(example = 120)]
    done: u64,
    /// Frames in all; null where nobody knows.
    total: Option<u64>,
    /// `done` of `total`, 0 to 1.
    share: Option<f64>,
}

/// What an attempt failed with.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct JobFailureBody {
    /// For programs.
    #[schema(example = "corrupt_media")]
    code: String,
    /// For people.
    detail: String,
}

/// What came of a job.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct JobResultBody {
    /// Frames that were looked at.
    frames: u64,
    /// `complete`, `truncated` or `damaged`.
    #[schema(example = "complete")]
    end: String,
    /// Where the damage begins, in milliseconds.
    damaged_at_ms: Option<f64>,
    /// What was found in all, by class.
    #[schema(value_type = Object)]
    summary: Value,
    /// What the work took, as measured.
    #[schema(value_type = Object)]
    performance: Value,
    /// Where the results are, by format.
    formats: BTreeMap<&'static str, String>,
    /// Files that were written besides, and where they are.
    files: BTreeMap<String, String>,
    /// What was asked for besides and could not be written (`report`, `annotated`, `thumbnails`), and the code of why.
    #[schema(example = json!({"annotated": "output_failed"}))]
    outputs_failed: BTreeMap<String, String>,
}

impl JobBody {
    /// As one of a list.
    pub(crate) fn brief(job: &Job) -> Self {
        let task = serde_json::from_str::<VideoTask>(&job.payload).ok();
        Self {
            id: job.id.to_string(),
            object: "job",
            kind: job.kind.clone(),
            state: job.state.name(),
            cancel_asked: job.cancel_asked,
            task: task.as_ref().map(JobTaskBody::from),
            priority: job.priority,
            attempts: job.attempts,
            progress: JobProgressBody::from(job),
            created: text(job.created),
            started: job.started.map(text),
            ended: job.ended.map(text),
            retry_at: retry_at(job).map(text),
            failure: job
                .failure
                .as_ref()
                .map(|failure| JobFailureBody { code: failure.code.clone(), detail: failure.message.clone() }),
            result: None,
        }
    }

    /// With what came of it.
    pub(crate) fn whole(job: &Job) -> Self {
        let result = job.result.as_deref().and_then(|result| serde_json::from_str::<TaskResult>(result).ok());
        Self { result: result.map(|result| JobResultBody::new(&job.id.to_string(), result)), ..Self::brief(job) }
    }
}

impl From<&Job> for JobProgressBody {
    fn from(job: &Job) -> Self {
        let (done, total) = (job.progress.done, job.progress.total);
        let share = total.filter(|total| *total > 0).map(|total| (done as f64 / total as f64).min(1.0));
        Self { done, total, share: share.map(|share| (share * 1e4).round() / 1e4) }
    }
}

impl From<&VideoTask> for JobTaskBody {
    fn from(task: &VideoTask) -> Self {
        let (input, url) = match &task.input {
            TaskInput::Upload => ("upload", None),
            TaskInput::Path(_) => ("path", None),
            TaskInput::Url(url) => ("url", SourceAddress::parse(url).ok().map(|address| address.to_string())),
        };
        Self {
            name: task.name.clone(),
            input,
            sha256: task.sha256.clone(),
            url,
            model: task.model.clone(),
            score_min: task.score_min,
            iou_max: task.iou_max,
            classes: task.classes.clone(),
            frames: serde_json::to_value(&task.frames).unwrap_or_default(),
            outputs: serde_json::to_value(&task.outputs).unwrap_or_default(),
        }
    }
}

impl JobResultBody {
    fn new(id: &str, result: TaskResult) -> Self {
        let format = |format: ResultFormat| (format.name(), format!("/v1/jobs/{id}/result?format={}", format.name()));
        let file = |name: String| (name.clone(), format!("/v1/jobs/{id}/files/{name}"));
        Self {
            frames: result.end.frames,
            end: result.end.end,
            damaged_at_ms: result.end.damaged_at_ms,
            summary: serde_json::to_value(&result.end.summary).unwrap_or_default(),
            performance: result.end.performance,
            formats: ResultFormat::ALL.into_iter().map(format).collect(),
            files: result.artifacts.into_iter().map(file).collect(),
            outputs_failed: result.outputs_failed,
        }
    }
}

/// One that was never tried waits for nothing but its turn.
fn retry_at(job: &Job) -> Option<JobTime> {
    let waits = job.state == samovar_jobs::JobState::Queued && job.attempts > 0 && job.not_before > job.created;
    waits.then_some(job.not_before)
}

fn text(time: JobTime) -> String {
    rfc3339(UNIX_EPOCH + Duration::from_millis(time.0))
}
