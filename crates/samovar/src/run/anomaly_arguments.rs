//! What may be typed after `samovar run anomaly`.

use super::frame_arguments::SpanArguments;
use crate::arguments::ModelChoices;
use clap::Args;
use std::path::PathBuf;

/// `samovar run anomaly`.
#[derive(Debug, Args)]
pub struct AnomalyArguments {
    /// Videos, folders, patterns, http, https or rtsp addresses of videos
    #[arg(required = true, value_name = "VIDEO")]
    pub inputs: Vec<String>,
    /// Finds key points: an ONNX file, or a name as for `run detect` [default: `anomaly.pose`, else starter-pose]
    #[arg(long, value_name = "FILE|NAME")]
    pub pose: Option<String>,
    /// Scores movements [default: `anomaly.sequence`, else starter-stg-nf]
    #[arg(long, value_name = "FILE|NAME")]
    pub sequence: Option<String>,
    /// Finds the people [default: `anomaly.detector`, else the pose model's own boxes serve]
    #[arg(long, value_name = "FILE|NAME")]
    pub detector: Option<String>,
    /// Tells people apart by their looks [default: `anomaly.appearance`, else boxes alone do]
    #[arg(long, value_name = "FILE|NAME")]
    pub appearance: Option<String>,
    /// How the models run.
    #[command(flatten)]
    pub choices: ModelChoices,
    /// An anomaly begins when the smoothed score reaches this [default: `anomaly.score_start`, 3.0]
    #[arg(long, value_name = "SCORE", allow_negative_numbers = true)]
    pub score_start: Option<f32>,
    /// It ends when the score falls below this [default: `anomaly.score_end`, 2.0]
    #[arg(long, value_name = "SCORE", allow_negative_numbers = true)]
    pub score_end: Option<f32>,
    /// Go into the folders of a folder too
    #[arg(long, short)]
    pub recursive: bool,
    /// Write one JSON object for each event to this file
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Write one JSON object for each event to stdout
    #[arg(long)]
    pub json: bool,
    /// Write one JSON object for each frame besides: who is where, key points, scores
    #[arg(long)]
    pub frames: bool,
    /// Write two scores of every frame to this CSV file: `score`, smoothed over the whole video, to compare models by, and
    /// `anomaly_score`, the highest of anybody as thresholds meet it (empty where nobody had one)
    #[arg(long, value_name = "FILE")]
    pub scores: Option<PathBuf>,
    /// Write videos with boxes, numbers, skeletons and scores drawn in: a file for one input, else a folder
    #[arg(long, value_name = "OUT")]
    pub annotate: Option<PathBuf>,
    /// Which frames of videos.
    #[command(flatten)]
    pub looked_at: SpanArguments,
}

/// After `samovar run anomaly --help`.
pub const ANOMALY_EXAMPLES: &str = "\
Examples:
  samovar run anomaly walk.mp4 --pose yolov8n-pose.onnx --sequence stg-nf.onnx
  samovar run anomaly clips/ -o events.jsonl --annotate drawn/
  samovar run anomaly walk.mp4 --frames --json > walk.jsonl
  samovar run anomaly quiet-day.mp4 --scores scores.csv    to see where thresholds belong

The models that ship know drawn streets only: name real ones, or set them in `[anomaly]`.
One input that fails does not stop the others; the exit code is 3 then.";
