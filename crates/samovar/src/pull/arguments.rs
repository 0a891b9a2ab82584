//! What was typed.

use clap::Args;

/// `samovar models pull`.
#[derive(Debug, Args)]
pub struct PullArguments {
    /// Names of the catalogue, or repositories: ORG/NAME, ORG/NAME@REVISION, ORG/NAME:FILE
    #[arg(required = true, value_name = "NAME")]
    pub names: Vec<String>,
    /// A branch, a tag or a commit, in place of the catalogue's
    #[arg(long, value_name = "REVISION")]
    pub revision: Option<String>,
    /// A file of the repository, in place of the catalogue's; may be repeated
    #[arg(long, value_name = "FILE")]
    pub file: Vec<String>,
    /// Only tell which files there are
    #[arg(long, conflicts_with = "file")]
    pub list: bool,
    /// Print what happens as one JSON object a line
    #[arg(long)]
    pub json: bool,
}

pub const PULL_EXAMPLES: &str = "\
Examples:
  samovar models pull yolox-nano
  samovar models pull whisper-tiny minilm-l6
  samovar models pull onnx-community/whisper-tiny --list
  samovar models pull Xenova/all-MiniLM-L6-v2 --file onnx/model_quantized.onnx

Files go into the Hub's own cache (HF_HOME, HF_HUB_CACHE) and are shared with its other tools. HF_ENDPOINT names a mirror,
HF_TOKEN tells who asks, HF_HUB_OFFLINE=1 asks nobody. What was interrupted goes on where it stopped.";

/// `samovar models list`.
#[derive(Debug, Args)]
pub struct ListArguments {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}
