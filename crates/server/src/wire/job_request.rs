//! A job that is handed in, as JSON or as a query.

use super::ClassName;
use crate::error::{ApiError, Refusal};
use samovar_models::DetectOptions;
use samovar_recorded::{FrameChoice, TaskInput, TaskOutputs, VideoTask};
use serde::Deserialize;
use std::num::NonZeroU32;
use utoipa::{IntoParams, ToSchema};

/// A job that is handed in. What is left out is as usual.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct JobRequest {
    /// What is to be done.
    #[serde(default)]
    kind: JobKindName,
    /// Where the video is; left out where it is sent along.
    pub(crate) input: Option<JobInputBody>,
    /// What the video is called in results, at most 200 characters. Default: the name of its file.
    #[schema(example = "walk.mp4")]
    pub(crate) name: Option<String>,
    /// The model's configured name. May be left out where there is only one.
    #[schema(example = "person")]
    pub(crate) model: Option<String>,
    /// Only what scores above this is reported, 0 to 1.
    #[schema(example = 0.25)]
    score_min: Option<f32>,
    /// Two boxes of a class that overlap by more than this count as one object, 0 to 1.
    iou_max: Option<f32>,
    /// Classes to report, by name or index. All of them where left out.
    #[serde(default)]
    pub(crate) classes: Vec<ClassName>,
    /// Which frames are looked at.
    #[serde(default)]
    frames: JobFramesBody,
    /// What is written besides the results.
    #[serde(default)]
    outputs: JobOutputsBody,
    /// Higher goes first, 0 to 9; 5 where left out.
    #[schema(example = 5)]
    priority: Option<u8>,
}

/// The video of a job that is handed in.
pub(crate) struct JobVideo {
    /// Where it is.
    pub(crate) input: TaskInput,
    /// What it is called, unless the job says.
    pub(crate) name: String,
    /// SHA-256 of one that was sent along, as hexadecimal digits.
    pub(crate) sha256: Option<String>,
}

/// The kinds of work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum JobKindName {
    /// Objects in every chosen frame of a video.
    #[default]
    Detect,
}

/// Where a video is: one of both.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum JobInputBody {
    /// A file on the server's machine, below a folder that the configuration allows.
    #[schema(example = "/srv/videos/walk.mp4")]
    Path(String),
    /// An address that the configuration allows. It is looked up once: the video is fetched from where it was found.
    #[schema(example = "https://media.example/walk.mp4")]
    Url(String),
}

/// Which frames are looked at. By default all of them.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct JobFramesBody {
    /// Every N-th frame, beginning with the first; as the server is configured where left out.
    #[schema(value_type = Option<u32>, example = 5)]
    every: Option<NonZeroU32>,
    /// No more frames of a second of video than this.
    fps: Option<f64>,
    /// Only frames that need no other frame: much faster to decode.
    #[serde(default)]
    keyframes: bool,
    /// Only frames that differ from the one before by more than this, 0 to 1.
    scene_change: Option<f64>,
    /// No more frames than this.
    frames_max: Option<u64>,
    /// Where to begin, in seconds.
    start_s: Option<f64>,
    /// Where to end, in seconds.
    end_s: Option<f64>,
}

/// What is written besides the results.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct JobOutputsBody {
    /// A report as one HTML page.
    #[serde(default)]
    report: bool,
    /// The video with the boxes drawn in.
    #[serde(default)]
    annotated: bool,
    /// So many small pictures of frames with the most to see.
    #[serde(default)]
    thumbnails: u32,
}

/// The same as a query, for a video that is the body.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct JobQuery {
    /// What the video is called in results.
    #[param(example = "walk.mp4")]
    name: Option<String>,
    /// The model's configured name. May be left out where there is only one.
    #[param(example = "person")]
    model: Option<String>,
    /// Only what scores above this is reported, 0 to 1.
    score_min: Option<f32>,
    /// Two boxes of a class that overlap by more than this count as one object, 0 to 1.
    iou_max: Option<f32>,
    /// Classes to report, by name or index, separated by commas.
    classes: Option<String>,
    /// Every N-th frame, beginning with the first; as the server is configured where left out.
    #[param(value_type = Option<u32>, example = 5)]
    every: Option<NonZeroU32>,
    /// No more frames of a second of video than this.
    fps: Option<f64>,
    /// Only frames that need no other frame.
    keyframes: bool,
    /// Only frames that differ from the one before by more than this, 0 to 1.
    scene_change: Option<f64>,
    /// No more frames than this.
    frames_max: Option<u64>,
    /// Where to begin, in seconds.
    start_s: Option<f64>,
    /// Where to end, in seconds.
    end_s: Option<f64>,
    /// Write a report.
    report: bool,
    /// Write the video with the boxes drawn in.
    annotated: bool,
    /// Write so many small pictures.
    thumbnails: u32,
    /// Higher goes first, 0 to 9.
    priority: Option<u8>,
}

impl JobRequest {
    /// The names of its fields, for who wrote one that there is not.
    pub(crate) const FIELDS: &str = "the job takes kind (detect), input (path or url), name, model, score_min, iou_max, classes, \
        frames (every, fps, keyframes, scene_change, frames_max, start_s, end_s), outputs (report, annotated, thumbnails) and priority";

    /// Whether the values can be right for any model and video at all.
    ///
    /// # Errors
    /// `invalid_option`.
    pub(crate) fn check(&self) -> Result<(), ApiError> {
        self.priority()?;
        self.thresholds()?;
        let name = self.name.as_deref().unwrap_or("video");
        let odd = |char: char| char.is_control() || matches!(char, '/' | '\\');
        if name.trim().is_empty() || name.chars().count() > NAME_CHARS_MAX || name.contains(odd) {
            return Err(option("`name` is 1 to 200 characters without / and \\"));
        }
        let frames = self.frames.choice(NonZeroU32::MIN).validate();
        frames.map_err(|error| ApiError::new(Refusal::Option, error.to_string()))?;
        if self.outputs.thumbnails > THUMBNAILS_MAX {
            return Err(option("`thumbnails` must be from 0 to 64"));
        }
        Ok(())
    }

    /// How soon its turn is.
    ///
    /// # Errors
    /// `invalid_option`.
    pub(crate) fn priority(&self) -> Result<u8, ApiError> {
        let priority = self.priority.unwrap_or(PRIORITY);
        if priority <= PRIORITY_MAX { Ok(priority) } else { Err(option("`priority` must be from 0 to 9")) }
    }

    /// The thresholds, without the classes.
    ///
    /// # Errors
    /// `invalid_option`.
    pub(crate) fn thresholds(&self) -> Result<DetectOptions, ApiError> {
        let default = DetectOptions::default();
        let score_min = self.score_min.unwrap_or(default.score_min);
        let options = DetectOptions { score_min, iou_max: self.iou_max, ..default };
        options.validate()?;
        Ok(options)
    }

    /// The task of that model on that video; every N-th frame where nothing else is said.
    ///
    /// # Errors
    /// `invalid_option`, `invalid_body`.
    pub(crate) fn task(self, model: &str, video: JobVideo, every: NonZeroU32) -> Result<VideoTask, ApiError> {
        let thresholds = self.thresholds()?;
        let too_many = self.classes.len() > CLASSES_MAX;
        let classes: Vec<String> = self.classes.into_iter().map(ClassName::into_text).collect();
        if too_many || classes.iter().any(|class| class.is_empty() || class.len() > CLASS_BYTES_MAX) {
            return Err(option("`classes` are at most 1,000 names, each of 1 to 128 bytes"));
        }
        Ok(VideoTask {
            input: video.input,
            sha256: video.sha256,
            name: self.name.unwrap_or(video.name),
            model: model.to_owned(),
            score_min: thresholds.score_min,
            iou_max: thresholds.iou_max,
            classes,
            frames: self.frames.choice(every),
            outputs: self.outputs.into(),
        })
    }
}

const NAME_CHARS_MAX: usize = 200;
const THUMBNAILS_MAX: u32 = 64;
const PRIORITY: u8 = 5;
const PRIORITY_MAX: u8 = 9;
const CLASSES_MAX: usize = 1_000;
const CLASS_BYTES_MAX: usize = 128;

impl JobFramesBody {
    fn choice(&self, every: NonZeroU32) -> FrameChoice {
        FrameChoice {
            every: self.every.unwrap_or(every),
            fps: self.fps,
            keyframes: self.keyframes,
            scene_change: self.scene_change,
            frames_max: self.frames_max,
            start_s: self.start_s.unwrap_or(0.0),
            end_s: self.end_s,
        }
    }
}

impl From<JobOutputsBody> for TaskOutputs {
    fn from(outputs: JobOutputsBody) -> Self {
        Self { report: outputs.report, annotated: outputs.annotated, thumbnails: outputs.thumbnails }
    }
}

impl From<JobQuery> for JobRequest {
    fn from(query: JobQuery) -> Self {
        let classes = query.classes.iter().flat_map(|classes| classes.split(',')).map(str::trim);
        Self {
            kind: JobKindName::Detect,
            input: None,
            name: query.name,
            model: query.model,
            score_min: query.score_min,
            iou_max: query.iou_max,
            classes: classes.filter(|class| !class.is_empty()).map(ClassName::from).collect(),
            frames: JobFramesBody {
                every: query.every,
                fps: query.fps,
                keyframes: query.keyframes,
                scene_change: query.scene_change,
                frames_max: query.frames_max,
                start_s: query.start_s,
                end_s: query.end_s,
            },
            outputs: JobOutputsBody { report: query.report, annotated: query.annotated, thumbnails: query.thumbnails },
            priority: query.priority,
        }
    }
}

fn option(detail: &'static str) -> ApiError {
    ApiError::new(Refusal::Option, detail)
}
