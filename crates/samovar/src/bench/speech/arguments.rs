//! What may be typed after `samovar bench speech`.

use crate::arguments::ModelChoices;
use clap::Args;
use std::path::PathBuf;

/// `samovar bench speech`.
#[derive(Clone, Debug, Args)]
pub struct BenchSpeechArguments {
    /// A Whisper's folder, with `onnx/encoder_model.onnx` in it; may be repeated. Contenders read `model.safetensors` there
    #[arg(long, short, value_name = "FOLDER", required_unless_present = "shape")]
    pub model: Vec<PathBuf>,
    /// Random weights of a shape, made by `--python` for this run: tiny, base
    #[arg(long, value_name = "NAME[,NAME…]", value_delimiter = ',', requires = "python", value_parser = ["tiny", "base"])]
    pub shape: Vec<String>,
    /// How many windows are decoded at once
    #[arg(long, value_name = "N[,N…]", value_delimiter = ',', default_value = "1,8")]
    pub callers: Vec<usize>,
    /// Tokens of each window's text
    #[arg(long, value_name = "N", default_value_t = 60)]
    pub steps: usize,
    /// A Python with what `--script` asks for, to measure what people run today beside Samovar
    #[arg(long, value_name = "PYTHON")]
    pub python: Option<PathBuf>,
    /// What that Python runs
    #[arg(long, value_name = "FILE", default_value = "tools/baseline/whisper.py")]
    pub script: PathBuf,
    /// What makes the weights of `--shape`
    #[arg(long, value_name = "FILE", default_value = "tools/reference/whisper_graphs.py")]
    pub shapes_script: PathBuf,
    /// Which of its programs, with their arithmetic
    #[arg(
        long,
        value_name = "NAME[,NAME…]",
        value_delimiter = ',',
        default_value = "faster-whisper-f32,faster-whisper-int8,transformers-f32"
    )]
    pub contender: Vec<String>,
    /// Measurements of each, in turn; the median counts
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub repetitions: usize,
    /// Leave out calls beside calls and beside an upload
    #[arg(long)]
    pub no_calls: bool,
    /// How the model runs; with the precision `auto` both f32 and the fastest are measured.
    #[command(flatten)]
    pub choices: ModelChoices,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// `samovar bench speech-once`: one measurement in a process of its own, whose memory is its own.
#[derive(Clone, Debug, Args)]
pub struct SpeechOnceArguments {
    /// The folder
    #[arg(long)]
    pub model: PathBuf,
    /// Where compiled forms are kept
    #[arg(long)]
    pub plans: PathBuf,
    /// How many at once
    #[arg(long, value_delimiter = ',')]
    pub callers: Vec<usize>,
    /// Tokens of each text
    #[arg(long)]
    pub steps: usize,
    /// Measure calls too
    #[arg(long)]
    pub calls: bool,
    /// How the model runs.
    #[command(flatten)]
    pub choices: ModelChoices,
}
