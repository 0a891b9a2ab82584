//! What is to be done with one video, as a job's payload has it, and what came of it, as a job's result has it.

use crate::{FrameChoice, JournalEnd};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// What is to be done with one video.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VideoTask {
    /// Where the video is.
    pub input: TaskInput,
    /// What it is called in results: never a path of the server.
    pub name: String,
    /// The configured model.
    pub model: String,
    /// Least score, 0 to 1.
    pub score_min: f32,
    /// Greatest overlap of two boxes of a class; none: the family's own.
    #[serde(default)]
    pub iou_max: Option<f32>,
    /// Only these classes, by name or number; empty: all.
    #[serde(default)]
    pub classes: Vec<String>,
    /// Which frames.
    #[serde(default)]
    pub frames: FrameChoice,
    /// What is written besides the results.
    #[serde(default)]
    pub outputs: TaskOutputs,
}

/// Where a video is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TaskInput {
    /// In the job's own folder: it was sent along.
    Upload,
    /// On this machine, below an allowed folder.
    Path(PathBuf),
    /// At an allowed address.
    Url(String),
}

/// What is written besides the results.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TaskOutputs {
    /// The report.
    pub report: bool,
    /// The video with the boxes drawn in.
    pub annotated: bool,
    /// So many small pictures of frames with the most to see.
    pub thumbnails: u32,
}

/// What came of a task: the result of its job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskResult {
    /// The journal's file in the job's folder.
    pub journal: String,
    /// How the video ended, what was found, what it took.
    pub end: JournalEnd,
    /// Files in the job's folder that were written besides: `report.html`, `annotated.mp4`, `thumbnail-1.jpg`.
    pub artifacts: Vec<String>,
}
