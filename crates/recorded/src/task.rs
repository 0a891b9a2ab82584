//! What is to be done with one video, as a job's payload has it, and what came of it, as a job's result has it.

use crate::frame_choice::within;
use crate::{FrameChoice, JournalEnd, RecordedError};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Small pictures of one video at most.
const THUMBNAILS_MAX: u32 = 64;
/// Classes that may be named.
const CLASSES_MAX: usize = 1_000;
/// Characters of a name, of a video, a model or a class.
const NAME_CHARS_MAX: usize = 500;
/// Bytes of an address or a path.
const PLACE_BYTES_MAX: usize = 8 << 10;

/// What is to be done with one video.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VideoTask {
    /// Where the video is.
    pub input: TaskInput,
    /// SHA-256 of the video that was sent along, as hexadecimal digits: another video is another task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
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
    /// What was asked for besides and could not be written: `report`, `annotated` or `thumbnails`, and the code of why.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub outputs_failed: BTreeMap<String, String>,
}

impl VideoTask {
    /// Whether every value is within its bounds. Whether there is such a model, class, path or address is for others to know.
    ///
    /// # Errors
    /// `Invalid`: the first value that is not, by its name, with what it may be.
    pub fn validate(&self) -> Result<(), RecordedError> {
        let is_share = |share: f32| (0.0..=1.0).contains(&share);
        within(is_name(&self.name), "`name` must be 1 to 500 characters without control characters")?;
        within(is_name(&self.model), "`model` must be 1 to 500 characters without control characters")?;
        within(self.input.is_sound(), "`input` must be a path or an address of 1 to 8192 bytes without a zero byte")?;
        within(is_share(self.score_min), "`score_min` must be a number from 0 to 1")?;
        within(self.iou_max.is_none_or(is_share), "`iou_max` must be a number from 0 to 1")?;
        let classes = self.classes.len() <= CLASSES_MAX && self.classes.iter().all(|class| is_name(class));
        within(classes, "`classes` must be at most 1000 names or numbers of 1 to 500 characters")?;
        within(self.outputs.thumbnails <= THUMBNAILS_MAX, "`thumbnails` must be at most 64")?;
        self.frames.validate()
    }
}

impl TaskInput {
    fn is_sound(&self) -> bool {
        let bytes = match self {
            Self::Upload => return true,
            Self::Path(path) => path.as_os_str().as_encoded_bytes(),
            Self::Url(url) => url.as_bytes(),
        };
        (1..=PLACE_BYTES_MAX).contains(&bytes.len()) && !bytes.contains(&0)
    }
}

fn is_name(name: &str) -> bool {
    (1..=NAME_CHARS_MAX).contains(&name.chars().count()) && !name.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn fine() -> Value {
        json!({ "input": "upload", "name": "street.mp4", "model": "person", "score_min": 0.25 })
    }

    fn with(field: &str, value: Value) -> Value {
        let mut task = fine();
        task[field] = value;
        task
    }

    #[test]
    fn what_is_left_out_is_as_usual() {
        let task: VideoTask = serde_json::from_value(fine()).unwrap();
        task.validate().unwrap();
        assert_eq!(
            (task.input, task.frames, task.outputs),
            (TaskInput::Upload, FrameChoice::default(), TaskOutputs::default())
        );
        let task: VideoTask = serde_json::from_value(with("input", json!({ "path": "/videos/a.mp4" }))).unwrap();
        assert_eq!(task.input, TaskInput::Path("/videos/a.mp4".into()));
        let again: VideoTask = serde_json::from_str(&serde_json::to_string(&task).unwrap()).unwrap();
        assert_eq!(again, task);
    }

    #[test]
    fn unknown_words_are_refused() {
        for (field, value) in [
            ("scoremin", json!(0.5)),
            ("frames", json!({ "evry": 2 })),
            ("outputs", json!({ "video": true })),
            ("input", json!({ "file": "/etc/passwd" })),
            ("input", json!({ "path": "/a", "url": "http://b" })),
            ("frames", json!({ "every": 0 })),
            ("frames", json!({ "every": -1 })),
            ("outputs", json!({ "thumbnails": -1 })),
        ] {
            assert!(serde_json::from_value::<VideoTask>(with(field, value.clone())).is_err(), "{field}: {value}");
        }
    }

    #[test]
    fn what_is_out_of_bounds_is_refused_by_name() {
        let long = "x".repeat(501);
        for (field, value, named) in [
            ("name", json!(""), "name"),
            ("name", json!("a\nb"), "name"),
            ("model", json!(long), "model"),
            ("input", json!({ "path": "" }), "input"),
            ("input", json!({ "url": "x".repeat(9_000) }), "input"),
            ("score_min", json!(1.1), "score_min"),
            ("score_min", json!(-0.1), "score_min"),
            ("iou_max", json!(1e39), "iou_max"),
            ("classes", json!(vec!["x"; 1_001]), "classes"),
            ("classes", json!([""]), "classes"),
            ("outputs", json!({ "thumbnails": 65 }), "thumbnails"),
            ("frames", json!({ "fps": 0 }), "fps"),
            ("frames", json!({ "start_s": 5, "end_s": 5 }), "end_s"),
        ] {
            let task: VideoTask = serde_json::from_value(with(field, value.clone())).unwrap();
            let error = task.validate().unwrap_err();
            assert_eq!(error.code(), "invalid_option");
            assert!(error.to_string().starts_with(&format!("`{named}`")), "{value}: {error}");
        }
        let mut task: VideoTask = serde_json::from_value(fine()).unwrap();
        task.score_min = f32::NAN;
        assert!(task.validate().is_err());
    }
}
