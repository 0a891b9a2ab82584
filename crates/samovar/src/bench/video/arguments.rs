//! What may be typed after `samovar bench video`.

use crate::arguments::ModelChoices;
use clap::Args;
use serde::Serialize;
use std::path::PathBuf;

/// `samovar bench video`.
#[derive(Clone, Debug, Args)]
pub struct BenchVideoArguments {
    /// The model, an ONNX file
    #[arg(long, short, value_name = "FILE")]
    pub model: PathBuf,
    /// The same model with a dynamic height and width: measured besides, on rectangles
    #[arg(long, value_name = "FILE")]
    pub rectangular: Option<PathBuf>,
    /// A video; may be repeated [default: H.264 of 720p and 1080p, made by ffmpeg]
    #[arg(long, value_name = "FILE")]
    pub video: Vec<PathBuf>,
    /// A Python with opencv-python-headless, onnxruntime, openvino and ultralytics, to measure what people run today beside Samovar
    #[arg(long, value_name = "PYTHON")]
    pub python: Option<PathBuf>,
    /// What that Python runs
    #[arg(long, value_name = "FILE", default_value = "tools/baseline/video.py")]
    pub script: PathBuf,
    /// Measurements of each kind, in turn; the median counts
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub repetitions: usize,
    /// Look at no more frames of each video than this
    #[arg(long, value_name = "N")]
    pub frames_max: Option<u64>,
    /// Videos at once, beside the same one after the other; 0 leaves that out
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub at_once: usize,
    /// Compare a video of ten hours with one of a minute, and cancel it
    #[arg(long)]
    pub long: bool,
    /// How the model runs.
    #[command(flatten)]
    pub choices: ModelChoices,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// `samovar bench video-once`: one measurement in a process of its own, whose memory is its own.
#[derive(Clone, Debug, Args, Serialize)]
pub struct VideoOnceArguments {
    /// The model
    #[arg(long)]
    pub model: PathBuf,
    /// The video
    #[arg(long)]
    pub video: PathBuf,
    /// Frames at most
    #[arg(long)]
    pub frames_max: Option<u64>,
    /// Every N-th frame
    #[arg(long, default_value_t = 1)]
    pub every: u32,
    /// How often the video is gone through
    #[arg(long, default_value_t = 1)]
    pub copies: usize,
    /// Of these at once
    #[arg(long, default_value_t = 1)]
    pub at_once: usize,
    /// Frames between decoder and result
    #[arg(long)]
    pub queue: Option<usize>,
    /// Cancel after so many frames, and tell how long that takes
    #[arg(long)]
    pub cancel_after: Option<u64>,
    /// Measure each stage alone besides
    #[arg(long)]
    pub stages: bool,
    /// How the model runs.
    #[command(flatten)]
    #[serde(skip)]
    pub choices: ModelChoices,
}
