//! What may be typed after `samovar run embed`.

use crate::arguments::ModelChoices;
use clap::{Args, ValueEnum};
use samovar_models::Truncate;
use samovar_service::text::Purpose;
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// `samovar run embed`.
#[derive(Debug, Args)]
pub struct EmbedArguments {
    /// Texts, and files of which each line is one; `-` reads lines from stdin
    #[arg(required = true, value_name = "TEXT|FILE")]
    pub inputs: Vec<String>,
    /// The model: an ONNX file, or a name from the configuration or the catalogue [default: the only model of texts that is configured]
    #[arg(long, short, value_name = "FILE|NAME")]
    pub model: Option<String>,
    /// How the model runs.
    #[command(flatten)]
    pub choices: ModelChoices,
    /// What the vectors are like.
    #[command(flatten)]
    pub vectors: VectorArguments,
    /// Where they go.
    #[command(flatten)]
    pub results: VectorResultArguments,
}

/// What the vectors are like.
#[derive(Debug, Args)]
#[command(next_help_heading = "Vectors")]
pub struct VectorArguments {
    /// Keep the first N numbers of each, for models that are trained for that
    #[arg(long, value_name = "N")]
    pub dimensions: Option<NonZeroUsize>,
    /// Put the model's prompt of that name before each text
    #[arg(long, value_name = "NAME")]
    pub prompt: Option<String>,
    /// What the texts are for: the model's prompt for that is put before them, where it has one
    #[arg(long, value_name = "TYPE", conflicts_with = "prompt")]
    pub input_type: Option<InputType>,
    /// What is cut of a text that is longer than the model takes
    #[arg(long, value_name = "END", default_value = "none")]
    pub truncate: TruncateName,
    /// Whether vectors have length 1 [default: as the model has it]
    #[arg(long, value_name = "BOOL")]
    pub normalize: Option<bool>,
}

/// Where vectors go.
#[derive(Debug, Args)]
#[command(next_help_heading = "Results")]
pub struct VectorResultArguments {
    /// Write one JSON object for each text to this file
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Write one JSON object for each text to stdout
    #[arg(long)]
    pub json: bool,
    /// Leave the texts out of the JSON
    #[arg(long)]
    pub no_text: bool,
    /// Tell nothing but failures on stderr
    #[arg(long, short)]
    pub quiet: bool,
}

/// What texts are for.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum InputType {
    /// To find others
    Query,
    /// To be found
    #[value(alias = "passage")]
    Document,
}

/// What is cut of a text that is too long.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum TruncateName {
    /// Nothing: the text fails
    None,
    /// Its end
    End,
    /// Its start
    Start,
}

impl From<InputType> for Purpose {
    fn from(kind: InputType) -> Self {
        match kind {
            InputType::Query => Self::Query,
            InputType::Document => Self::Document,
        }
    }
}

impl From<TruncateName> for Truncate {
    fn from(name: TruncateName) -> Self {
        match name {
            TruncateName::None => Self::Refuse,
            TruncateName::End => Self::End,
            TruncateName::Start => Self::Start,
        }
    }
}

/// After `samovar run embed --help`.
pub const EMBED_EXAMPLES: &str = "\
Examples:
  samovar run embed \"That is a happy person\" --model minilm-l6
  samovar run embed sentences.txt --model minilm-l6 -o vectors.jsonl
  samovar run embed passages.txt --input-type document --dimensions 256 --json > vectors.jsonl
  cut -f2 articles.tsv | samovar run embed - --model models/e5/onnx/model.onnx --truncate end --json

An input that is a file is read line by line, whatever its size; any other is a text. Where that must not be left
to which files there are, give the texts over stdin. A line that fails does not stop the others; it is told with
its number, has its place in the JSON, and the exit code is 3. Get a model with `samovar models pull minilm-l6`.";
