//! What may be typed after `samovar bench service`.

use crate::arguments::ModelChoices;
use clap::Args;
use std::path::{Path, PathBuf};

/// `samovar bench service`.
#[derive(Clone, Debug, Args)]
pub struct BenchServiceArguments {
    /// A sentence embedding model, an ONNX file with tokenizer.json beside it: measured beside the engine alone
    #[arg(long, value_name = "FILE")]
    pub embedding: Option<PathBuf>,
    /// A detector; with `--embedding`, `--faces` and `--picture`: four clients of four kinds, one of them greedy, told apart by
    /// address and by key
    #[arg(long, value_name = "FILE", requires_all = ["embedding", "faces", "picture"])]
    pub detector: Option<PathBuf>,
    /// A face detector
    #[arg(long, value_name = "FILE")]
    pub faces: Option<PathBuf>,
    /// The picture that is sent to both
    #[arg(long, value_name = "FILE")]
    pub picture: Option<PathBuf>,
    /// A Python with what `--script` asks for, to measure what people run today beside Samovar
    #[arg(long, value_name = "PYTHON", requires = "embedding")]
    pub python: Option<PathBuf>,
    /// What that Python runs
    #[arg(long, value_name = "FILE", default_value = "tools/baseline/embeddings.py")]
    pub script: PathBuf,
    /// Which of its servers; `sentence-transformers` needs the weights in the model's folder
    #[arg(long, value_name = "NAME[,NAME…]", value_delimiter = ',', default_value = "openvino,onnxruntime")]
    pub contender: Vec<String>,
    /// Measurements of each kind, in turn; the median counts
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub repetitions: usize,
    /// Seconds of each measurement
    #[arg(long, value_name = "S", default_value_t = 4)]
    pub duration: u64,
    /// Leave out what the server costs around a model that does nothing
    #[arg(long)]
    pub no_overhead: bool,
    /// Leave out the sentences a second
    #[arg(long)]
    pub no_sentences: bool,
    /// How the models run.
    #[command(flatten)]
    pub choices: ModelChoices,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

impl BenchServiceArguments {
    /// Every file that is named and will be needed.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        let script = self.python.as_ref().map(|_| &self.script);
        [self.embedding.as_ref(), self.detector.as_ref(), self.faces.as_ref(), self.picture.as_ref(), script]
            .into_iter()
            .flatten()
            .map(PathBuf::as_path)
    }
}

/// `samovar bench echo`: answers every request with its own body, as cheaply as that goes.
#[derive(Clone, Debug, Args)]
pub struct EchoArguments {
    /// The port; 0 takes a free one and tells it
    #[arg(long, default_value_t = 0)]
    pub port: u16,
}
