//! What may be typed after `samovar bench start`, `memory`, `swap` and `modes`.

use crate::arguments::ModelChoices;
use clap::Args;
use std::path::PathBuf;

/// `samovar bench start`.
#[derive(Clone, Debug, Args)]
pub struct BenchStartArguments {
    /// ONNX files that the server loads at its start
    #[arg(long, short, value_name = "FILE", required = true)]
    pub model: Vec<PathBuf>,
    /// Starts of each kind; the median counts
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub repetitions: usize,
    /// Seconds for the plan of each model
    #[arg(long, value_name = "S", default_value_t = 20)]
    pub budget: u64,
    /// How the models run.
    #[command(flatten)]
    pub choices: ModelChoices,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// `samovar bench memory`.
#[derive(Clone, Debug, Args)]
pub struct BenchMemoryArguments {
    /// ONNX files to load and unload
    #[arg(long, short, value_name = "FILE", required = true)]
    pub model: Vec<PathBuf>,
    /// Loads and unloads of each model
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(3..=10_000))]
    pub cycles: u32,
    /// How the models run.
    #[command(flatten)]
    pub choices: ModelChoices,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// `samovar bench swap`.
#[derive(Clone, Debug, Args)]
pub struct BenchSwapArguments {
    /// The model that the streams begin with, an ONNX file
    #[arg(long, short, value_name = "FILE")]
    pub model: PathBuf,
    /// The one that takes turns with it [default: a second copy of the first]
    #[arg(long, value_name = "FILE")]
    pub other: Option<PathBuf>,
    /// Live streams at the same time
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub streams: usize,
    /// Frames a second of each stream
    #[arg(long, value_name = "N", default_value_t = 5.0)]
    pub fps: f64,
    /// Swaps while the streams run
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub swaps: usize,
    /// Seconds to measure the plan of each model before; 0 swaps without plans
    #[arg(long, value_name = "S", default_value_t = 15)]
    pub budget: u64,
    /// How the models run.
    #[command(flatten)]
    pub choices: ModelChoices,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// `samovar bench modes`.
#[derive(Clone, Debug, Args)]
pub struct BenchModesArguments {
    /// A mode and its segmentation model, the quickest first; at least two
    #[arg(long, value_name = "MODE=FILE", required = true)]
    pub mode: Vec<String>,
    /// The video whose frames are sent
    #[arg(long, value_name = "FILE")]
    pub video: PathBuf,
    /// Frames a second
    #[arg(long, value_name = "N", default_value_t = 10.0)]
    pub fps: f64,
    /// Changes of the mode, at random moments
    #[arg(long, value_name = "N", default_value_t = 40)]
    pub switches: usize,
    /// Seconds of the stream
    #[arg(long, value_name = "N", default_value_t = 60)]
    pub seconds: u64,
    /// How the models run.
    #[command(flatten)]
    pub choices: ModelChoices,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}
