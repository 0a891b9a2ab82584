//! What may be typed after `samovar bench streams`.

use crate::arguments::ModelChoices;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// `samovar bench streams`.
#[derive(Clone, Debug, Args)]
pub struct BenchStreamsArguments {
    /// The pose model, an ONNX file; its boxes serve the tracker, so that one run a frame does
    #[arg(long, value_name = "FILE")]
    pub pose: PathBuf,
    /// The model that scores pose sequences, an ONNX file
    #[arg(long, value_name = "FILE")]
    pub sequence: PathBuf,
    /// The video whose frames every stream sends
    #[arg(long, value_name = "FILE")]
    pub video: PathBuf,
    /// What to measure, in this order [default: all but soak]
    #[arg(long, value_enum, value_delimiter = ',', value_name = "PART,…")]
    pub parts: Vec<Part>,
    /// Seconds of each measurement
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub seconds: u64,
    /// Frames a second of each stream, for capacity and overload
    #[arg(long, value_name = "N", default_value_t = 10.0)]
    pub fps: f64,
    /// Streams that run at once, for soak
    #[arg(long, value_name = "N", default_value_t = 8)]
    pub soak_streams: usize,
    /// Frames a second of each of them
    #[arg(long, value_name = "N", default_value_t = 3.0)]
    pub soak_fps: f64,
    /// Minutes that they run
    #[arg(long, value_name = "N", default_value_t = 60)]
    pub soak_minutes: u64,
    /// Rows in one run of the pose model
    #[arg(long, value_name = "N")]
    pub batch_max: Option<usize>,
    /// How the models run.
    #[command(flatten)]
    pub choices: ModelChoices,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// One part of the measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// The 1st, 2nd, 3rd and 10th stream on warm models, and three at once
    Opening,
    /// Memory and answers with 0 to 50 streams of 5 frames a second
    Memory,
    /// The most streams without a dropped frame, and three times as many
    Capacity,
    /// Cameras that the server reads itself, with their decoders
    Sources,
    /// Memory over a long time
    Soak,
}

impl BenchStreamsArguments {
    /// The parts that were asked for.
    pub fn parts(&self) -> Vec<Part> {
        if self.parts.is_empty() {
            vec![Part::Opening, Part::Memory, Part::Capacity, Part::Sources]
        } else {
            self.parts.clone()
        }
    }
}
