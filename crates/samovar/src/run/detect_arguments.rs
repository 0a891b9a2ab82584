//! What may be typed after `samovar run detect`.

use super::frame_arguments::FrameArguments;
use crate::arguments::ModelChoices;
use clap::{Args, ValueEnum};
use samovar_recorded::ResultFormat;
use std::path::PathBuf;

/// `samovar run detect`.
#[derive(Debug, Args)]
pub struct DetectArguments {
    /// Pictures, videos, folders, patterns such as "clips/**/*.mp4", http, https or rtsp addresses of videos; `-` reads one picture from stdin
    #[arg(required = true, value_name = "INPUT")]
    pub inputs: Vec<String>,
    /// The model: an ONNX file, a name from the configuration, or one that `samovar models list` tells
    #[arg(long, short, value_name = "FILE|NAME")]
    pub model: String,
    /// How the model runs.
    #[command(flatten)]
    pub choices: ModelChoices,
    /// Report only what scores above this, 0 to 1
    #[arg(long, value_name = "SHARE", default_value_t = 0.25)]
    pub score_min: f32,
    /// Boxes of one class that overlap more than this are one object [default: the model family's own]
    #[arg(long, value_name = "SHARE")]
    pub iou_max: Option<f32>,
    /// Report only these classes, by name or number: person,car or 0,2
    #[arg(long, value_name = "CLASSES", value_delimiter = ',')]
    pub classes: Vec<String>,
    /// Go into the folders of a folder too
    #[arg(long, short)]
    pub recursive: bool,
    /// Where results go.
    #[command(flatten)]
    pub results: ResultArguments,
    /// Which frames of videos.
    #[command(flatten)]
    pub looked_at: FrameArguments,
    /// How much is on its way at once.
    #[command(flatten)]
    pub bounds: BoundsArguments,
}

/// Where results go.
#[derive(Debug, Args)]
#[command(next_help_heading = "Results")]
pub struct ResultArguments {
    /// Write the results to this file, or one file for each input to this folder (`/` at its end)
    #[arg(long, short, value_name = "OUT")]
    pub output: Option<PathBuf>,
    /// As what [default: by the end of OUT: .jsonl, .csv, .parquet, .json (COCO), .txt (MOT); else jsonl]
    #[arg(long, value_name = "FORMAT", requires = "output")]
    pub format: Option<FormatName>,
    /// Follow objects from frame to frame, and write who is who
    #[arg(long, requires = "output")]
    pub track: bool,
    /// Write one JSON object for each picture or frame to stdout, as they come
    #[arg(long)]
    pub json: bool,
    /// Write pictures and videos with the boxes drawn in: a file for one input, else a folder
    #[arg(long, value_name = "OUT")]
    pub annotate: Option<PathBuf>,
    /// Write a report of the videos: what was found when, counts, where, sample frames; one HTML file
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Write small pictures of the frames with the most to see of each video to this folder
    #[arg(long, value_name = "FOLDER")]
    pub thumbnails: Option<PathBuf>,
    /// Go on where an earlier run of the same command was stopped or killed
    #[arg(long, requires = "output")]
    pub resume: bool,
    /// Begin anew although an earlier run of the same command left a part behind
    #[arg(long, requires = "output", conflicts_with = "resume")]
    pub overwrite: bool,
    /// Tell nothing but failures on stderr
    #[arg(long, short)]
    pub quiet: bool,
}

/// A format of results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FormatName {
    /// One JSON object for each frame and line
    Jsonl,
    /// One row for each object
    Csv,
    /// The same in columns, compressed
    Parquet,
    /// Images, annotations and categories as COCO has them
    Coco,
    /// Lines as MOT Challenge has them
    Mot,
}

/// How much of the videos is on its way at once.
#[derive(Clone, Copy, Debug, Args)]
#[command(next_help_heading = "Speed and memory")]
pub struct BoundsArguments {
    /// Videos at the same time [default: `video.videos_at_once`, else as many as slots]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub at_once: Option<u16>,
    /// Frames in one run of the model at most [default: `video.batch_size`, else what was measured best]
    #[arg(long, value_name = "N")]
    pub batch_size: Option<usize>,
    /// Frames of a video between decoder and results at most [default: `video.max_queue_size`, else twice slots × batch]
    #[arg(long, value_name = "N")]
    pub queue_size: Option<usize>,
    /// Frame buffers of a video at most [default: `video.buffer_pool_size`, else enough for the queue]
    #[arg(long, value_name = "N")]
    pub pool_size: Option<usize>,
}

impl From<FormatName> for ResultFormat {
    fn from(name: FormatName) -> Self {
        match name {
            FormatName::Jsonl => Self::Jsonl,
            FormatName::Csv => Self::Csv,
            FormatName::Parquet => Self::Parquet,
            FormatName::Coco => Self::Coco,
            FormatName::Mot => Self::Mot,
        }
    }
}

/// After `samovar run detect --help`.
pub const DETECT_EXAMPLES: &str = "\
Examples:
  samovar run detect street.jpg --model yolov8n.onnx
  samovar run detect photos/ --model yolov8n.onnx --classes person,car --json > found.jsonl
  samovar run detect walk.mp4 --model yolov8n.onnx --fps 5 -o walk.csv --report walk.html
  samovar run detect recordings/ --recursive --model yolov8n.onnx -o found.parquet
  samovar run detect recordings/ --recursive --model yolov8n.onnx -o found.parquet --resume
  samovar run detect walk.mp4 --model yolov8n.onnx --track -o walk.txt --annotate walk-boxes.mp4
  samovar run detect rtsp://camera.local/main --model person --frames-max 100 --json
  curl -s https://example.org/street.jpg | samovar run detect - --model yolov8n.onnx

Videos: while it works, results are kept in OUT.partial; a run that was stopped or killed goes on with --resume.
One input that fails does not stop the others; the exit code is 3 then.";
