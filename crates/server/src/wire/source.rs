//! Sources as JSON.

use super::{AnomalyOptionsBody, ms};
use crate::sources::{RunningSource, SourceModels, SourceOptions};
use samovar_models::DetectOptions;
use samovar_pipelines::{SourceFigures, SourceState};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::time::SystemTime;
use utoipa::ToSchema;

/// Every source, by name.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SourceList {
    /// Always `list`.
    #[schema(example = "list")]
    pub(crate) object: &'static str,
    /// The sources.
    pub(crate) data: Vec<SourceBody>,
}

/// A source that is to be added. It lives until it is removed or the server ends.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SourceRequest {
    /// Letters, digits, `.`, `_` and `-`, at most 64, beginning with a letter or a digit.
    #[schema(example = "yard")]
    pub(crate) name: String,
    /// `rtsp://`, `http://`, `https://`, or a file below a folder that the configuration allows.
    #[schema(example = "rtsp://camera.local/stream1")]
    pub(crate) address: String,
    /// What is done with its frames.
    #[serde(default)]
    pub(crate) pipeline: PipelineName,
    /// The detector of `detect`. Default: the server's.
    pub(crate) model: Option<String>,
    /// The model of `anomaly` that finds people; empty for none. Default: the server's.
    pub(crate) detector: Option<String>,
    /// The model that finds key points. Default: the server's.
    pub(crate) pose: Option<String>,
    /// The model that scores movements. Default: the server's.
    pub(crate) sequence: Option<String>,
    /// The model that tells people apart; empty for none. Default: the server's.
    pub(crate) appearance: Option<String>,
    /// Frames a second that are looked at, 0.01 to 120. Default: all that come.
    pub(crate) fps_max: Option<f64>,
    /// Its share under overload, 1 to 100.
    pub(crate) weight: Option<u16>,
    /// Decode key frames only.
    #[serde(default)]
    pub(crate) keyframes_only: bool,
    /// Leave frames out while nothing moves in the picture.
    #[serde(default)]
    pub(crate) motion_gate: bool,
    /// Names of the sinks that its events go to.
    #[serde(default)]
    pub(crate) sinks: Vec<String>,
    /// Keep a picture and a clip of each anomaly.
    #[serde(default)]
    pub(crate) evidence: bool,
    /// Thresholds, as in the control messages of streams.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub(crate) options: Map<String, Value>,
}

/// What is done with the frames of a source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PipelineName {
    /// People are followed, and unusual movements told.
    #[default]
    Anomaly,
    /// Objects are found in every frame.
    Detect,
}

/// One source, and how it is doing.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SourceBody {
    /// Its name.
    #[schema(example = "yard")]
    name: String,
    /// Where it is, without user, password and query; of a file, its name.
    #[schema(example = "rtsp://camera.local/stream1")]
    address: String,
    /// `rtsp`, `http`, `hls`, `file` or `device`.
    #[schema(example = "rtsp")]
    kind: &'static str,
    /// Whether it comes from the configuration; what was added while the server runs ends with it.
    configured: bool,
    /// `anomaly` or `detect`.
    #[schema(example = "anomaly")]
    pipeline: &'static str,
    /// `waiting_for_models`, `connecting`, `live`, `waiting` (it is away and will be tried again), `ended` or `stopped`.
    #[schema(example = "live")]
    state: &'static str,
    /// Why it is not live, for programs.
    #[schema(example = "source_unreachable")]
    reason: Option<&'static str>,
    /// The same for people, with what to do.
    detail: Option<&'static str>,
    /// When it is tried again, in milliseconds.
    retry_in_ms: Option<f64>,
    /// Tries since it was last live.
    tries: Option<u32>,
    /// Its stream at `/v1/streams`: results, events and pictures.
    stream: String,
    /// The configured names of its models.
    models: Vec<String>,
    /// Width and height of the frames that are looked at, in pixels.
    size: Option<[u32; 2]>,
    /// What the source is compressed in.
    codec: Option<String>,
    /// Its share under overload.
    weight: u16,
    /// Frames a second that are looked at at most; null for all.
    fps_max: Option<f64>,
    /// Where its events go.
    sinks: Vec<String>,
    /// Whether a picture and a clip of each anomaly are kept.
    evidence: bool,
    /// Thresholds in force.
    options: SourceOptionsBody,
    /// What its reader has counted.
    figures: SourceFiguresBody,
}

/// Thresholds of a source, by its pipeline.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum SourceOptionsBody {
    /// Of `anomaly`.
    Anomaly(Box<AnomalyOptionsBody>),
    /// Of `detect`.
    Detect(SourceDetectOptions),
}

/// Thresholds of `detect`.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SourceDetectOptions {
    /// Only what scores above this is reported.
    score_min: f32,
    /// Two boxes of a class that overlap by more than this count as one object; null for the model's own.
    iou_max: Option<f32>,
    /// The most objects that are reported.
    detections_max: usize,
    /// The classes that are reported; null means all of them.
    classes: Option<Vec<u32>>,
}

/// What the reader of a source has counted.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SourceFiguresBody {
    /// Frames that the decoder gave.
    frames: u64,
    /// Frames that were taken to be looked at.
    delivered: u64,
    /// Frames that a newer one displaced before they were taken.
    overrun: u64,
    /// Frames left out because nothing moved.
    still: u64,
    /// Frames left out because fewer were asked for.
    paced: u64,
    /// Times that it was opened again after it had been live.
    reconnects: u64,
    /// Frames a second of late.
    fps: f64,
    /// Since the last frame.
    frame_age_ms: Option<f64>,
    /// How much longer than the quickest of late frames are on their way.
    delay_ms: f64,
    /// How far the source's clock has fallen behind the server's; negative where it runs ahead.
    clock_offset_ms: f64,
}

impl From<&RunningSource> for SourceBody {
    fn from(source: &RunningSource) -> Self {
        let (spec, state) = (&source.settings.spec, source.monitor.state());
        let shown = Shown::new(&state, &source.models());
        let (size, codec) = match &state {
            SourceState::Live { size, codec, .. } => (Some([size.0, size.1]), codec.as_deref().map(str::to_owned)),
            _ => (None, None),
        };
        let models = match source.models() {
            SourceModels::Ready(names) => names,
            SourceModels::Waiting(_) => source.settings.pipeline.models(),
        };
        Self {
            name: spec.name.to_string(),
            address: address(source),
            kind: spec.address.kind().name(),
            configured: source.configured,
            pipeline: source.settings.pipeline.name(),
            state: shown.state,
            reason: shown.reason,
            detail: shown.detail,
            retry_in_ms: shown.retry_in_ms,
            tries: shown.tries,
            stream: source.stream.id().to_string(),
            models,
            size,
            codec,
            weight: spec.weight.get(),
            fps_max: spec.fps_max,
            sinks: source.settings.sinks.clone(),
            evidence: source.settings.evidence,
            options: SourceOptionsBody::from(&*source.options.borrow()),
            figures: SourceFiguresBody::from(&source.monitor.figures()),
        }
    }
}

/// Paths tell more of the server than a client needs.
fn address(source: &RunningSource) -> String {
    let address = &source.settings.spec.address;
    match address.path() {
        Some(path) => path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        None => address.to_string(),
    }
}

/// What is told of a source's state.
struct Shown {
    state: &'static str,
    reason: Option<&'static str>,
    detail: Option<&'static str>,
    retry_in_ms: Option<f64>,
    tries: Option<u32>,
}

impl Shown {
    fn new(state: &SourceState, models: &SourceModels) -> Self {
        let plain = Self { state: state.name(), reason: None, detail: None, retry_in_ms: None, tries: None };
        match (state, models) {
            (SourceState::Waiting { retry_at, fault, tries }, _) => Self {
                reason: Some(fault.code()),
                detail: Some(fault.sentence()),
                retry_in_ms: Some(ms(retry_at.duration_since(SystemTime::now()).unwrap_or_default())),
                tries: Some(*tries),
                ..plain
            },
            (SourceState::Connecting { .. } | SourceState::Live { .. }, SourceModels::Waiting(code)) => {
                Self { state: "waiting_for_models", reason: *code, detail: Some(waiting_for_models(*code)), ..plain }
            }
            (SourceState::Connecting { tries }, _) => Self { tries: Some(*tries), ..plain },
            _ => plain,
        }
    }
}

/// What is to be done about models that are not there: some never come by themselves.
fn waiting_for_models(code: Option<&str>) -> &'static str {
    match code {
        Some("model_required" | "model_not_found" | "wrong_family") => {
            "none of the models fits, or several do; name them: `pose` and `sequence` in `[anomaly]`, `model` for boxes"
        }
        _ => "its models are not warm; it begins by itself when they are, and GET /health tells more",
    }
}

impl From<&SourceOptions> for SourceOptionsBody {
    fn from(options: &SourceOptions) -> Self {
        match options {
            SourceOptions::Anomaly(options) => Self::Anomaly(Box::new(AnomalyOptionsBody::from(options))),
            SourceOptions::Detect(options) => Self::Detect(SourceDetectOptions::from(options)),
        }
    }
}

impl From<&DetectOptions> for SourceDetectOptions {
    fn from(options: &DetectOptions) -> Self {
        Self {
            score_min: options.score_min,
            iou_max: options.iou_max,
            detections_max: options.detections_max,
            classes: options.classes.as_deref().map(<[u32]>::to_vec),
        }
    }
}

impl From<&SourceFigures> for SourceFiguresBody {
    fn from(figures: &SourceFigures) -> Self {
        Self {
            frames: figures.frames_in,
            delivered: figures.delivered,
            overrun: figures.overrun,
            still: figures.still,
            paced: figures.paced,
            reconnects: figures.reconnects,
            fps: figures.frames_per_second,
            frame_age_ms: figures.frame_age.map(ms),
            delay_ms: figures.delay_ms,
            clock_offset_ms: figures.clock_offset_ms,
        }
    }
}
