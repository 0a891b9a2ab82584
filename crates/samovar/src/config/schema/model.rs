//! `[models.NAME]`: one model's file, and how it runs.

use crate::config::versions::VersionsSetting;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// One model.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelSection {
    /// The ONNX file, or a folder of versions (`1/model.onnx`, `2/model.onnx`); relative to this file's folder. Or a name
    /// that `samovar models list` tells.
    pub path: PathBuf,
    /// What goes in and comes out: `yolo`, `yolox`, `yolo-pose`, `segmentation`, `stg-nf`, `re-identification`,
    /// `text-embedding`, `cross-encoder`, `image-text-embedding`, `yunet`, `face-embedding`, `silero-vad`,
    /// `whisper` (the encoder's file; the decoder's lie beside it), `tensor`. Default:
    /// recognised from the file; `tensor` never is.
    #[serde(default)]
    pub family: Option<FamilyName>,
    /// A text file with one class name a line. Default: what the exporter wrote into the model.
    #[serde(default)]
    pub labels: Option<PathBuf>,
    /// Width and height to run at, `"640x384"`, for models that take any size.
    #[serde(default)]
    pub input_size: Option<String>,
    /// The folder with what belongs to the graph: `tokenizer.json`, `config.json`, `preprocessor_config.json`. Default: the
    /// graph's own, or the one above it where the graph lies in `onnx`.
    #[serde(default)]
    pub assets: Option<PathBuf>,
    /// The folder of a LoRA adapter in PEFT's format (`adapter_config.json`, `adapter_model.safetensors`), which is folded into the
    /// weights when the model is loaded; for `whisper` alone.
    #[serde(default)]
    pub adapter: Option<PathBuf>,
    /// How the vectors of a text's tokens become one. Default: what the assets say, else `mean`.
    #[serde(default)]
    pub pooling: Option<PoolingName>,
    /// Whether vectors are brought to length 1. Default: what the assets say.
    #[serde(default)]
    pub normalize: Option<bool>,
    /// Tokens of one text at most, special tokens included. Default: what the assets say.
    #[serde(default)]
    #[schemars(range(min = 4, max = 131_072))]
    pub tokens_max: Option<usize>,
    /// Tokens of one run at most, padding included: long texts run in smaller batches.
    #[serde(default)]
    #[schemars(range(min = 4, max = 16_777_216))]
    pub batch_tokens_max: Option<usize>,
    /// Texts that are put before others, by the name of their use: `query`, `passage`. Default: what the assets say.
    #[serde(default)]
    pub prompts: BTreeMap<String, String>,
    /// Which engine runs it.
    #[serde(default)]
    pub engine: EngineName,
    /// Which arithmetic its hot layers use.
    #[serde(default)]
    pub precision: PrecisionName,
    /// Rows in one run. Default: 1 on a CPU.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1_024))]
    pub batch_max: Option<usize>,
    /// How long the first row of a batch waits for others.
    #[serde(default)]
    #[schemars(range(max = 10_000))]
    pub batch_delay_ms: u64,
    /// Load at start and count for readiness; otherwise at the first use.
    #[serde(default = "yes")]
    pub preload: bool,
    /// The file's sha256: anything else is not loaded.
    #[serde(default)]
    pub sha256: Option<String>,
    /// The sha256 of each file that holds weights beside the graph.
    #[serde(default)]
    pub data_sha256: BTreeMap<String, String>,
    /// The same model in f32, for a quantised file: it is used only if it agrees with this one on the warm-up input.
    #[serde(default)]
    pub reference: Option<PathBuf>,
    /// How far it may differ from f32 (the file itself, or `reference`) on the warm-up input, as a share of the output's size.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub tolerance: Option<f32>,
    /// Which version of a folder of versions serves: `"latest"`, or a number.
    #[serde(default)]
    pub versions: Option<VersionsSetting>,
    /// How many of the newest versions a first load may try, where newer ones cannot be loaded. Default: 2.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1_000))]
    pub versions_keep: Option<usize>,
    /// Load it anew when its file changes or a newer version appears.
    #[serde(default)]
    pub watch: bool,
    /// What its plan is measured for.
    #[serde(default)]
    pub optimize: OptimizeName,
    /// Never give it up to make room for another model.
    #[serde(default)]
    pub pinned: bool,
    /// Unload it when nobody has used it for so long. Default: never.
    #[serde(default)]
    #[schemars(range(min = 1, max = 31_536_000))]
    pub idle_ttl_s: Option<u64>,
}

/// A family by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum FamilyName {
    /// Ultralytics' detectors.
    Yolo,
    /// Megvii's YOLOX.
    Yolox,
    /// Ultralytics' pose models.
    YoloPose,
    /// A class for every pixel.
    Segmentation,
    /// How unusual somebody's movement is.
    StgNf,
    /// How somebody looks.
    ReIdentification,
    /// Texts as vectors.
    TextEmbedding,
    /// How well a text answers another.
    CrossEncoder,
    /// Pictures and texts as vectors that can be compared.
    ImageTextEmbedding,
    /// Faces with five landmarks.
    Yunet,
    /// Who a face is.
    FaceEmbedding,
    /// Where somebody speaks.
    SileroVad,
    /// Speech to text.
    Whisper,
    /// Any graph: tensors in, tensors out.
    Tensor,
}

/// A pooling by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PoolingName {
    /// The mean of all tokens.
    Mean,
    /// The first token's.
    Cls,
    /// The last token's.
    LastToken,
}

/// What a plan is measured for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum OptimizeName {
    /// The most rows a second when the device is busy
    #[default]
    Throughput,
    /// The shortest run when the device is idle
    Latency,
}

/// An engine by name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum EngineName {
    /// The first present one that can run the model
    #[default]
    Auto,
    /// OpenVINO
    Openvino,
    /// ONNX Runtime
    Onnxruntime,
    /// Built in
    Rten,
}

/// A precision by name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum PrecisionName {
    /// The fastest that agrees with f32 on the warm-up input
    #[default]
    Auto,
    /// 32-bit floating point
    F32,
    /// Brain floating point, where it agrees with f32
    Bf16,
    /// Half precision, where it agrees with f32
    F16,
}

impl FamilyName {
    /// The word in configuration and output.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Yolo => "yolo",
            Self::Yolox => "yolox",
            Self::YoloPose => "yolo-pose",
            Self::Segmentation => "segmentation",
            Self::StgNf => "stg-nf",
            Self::ReIdentification => "re-identification",
            Self::TextEmbedding => "text-embedding",
            Self::CrossEncoder => "cross-encoder",
            Self::ImageTextEmbedding => "image-text-embedding",
            Self::Yunet => "yunet",
            Self::FaceEmbedding => "face-embedding",
            Self::SileroVad => "silero-vad",
            Self::Whisper => "whisper",
            Self::Tensor => "tensor",
        }
    }
}

impl EngineName {
    /// The word in configuration and output.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Openvino => "openvino",
            Self::Onnxruntime => "onnxruntime",
            Self::Rten => "rten",
        }
    }
}

impl PrecisionName {
    /// The word in configuration and output.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
            Self::F16 => "f16",
        }
    }
}

impl ModelSection {
    /// A model of that file with every default.
    pub fn of_file(path: PathBuf) -> Self {
        Self {
            path,
            family: None,
            labels: None,
            input_size: None,
            assets: None,
            adapter: None,
            pooling: None,
            normalize: None,
            tokens_max: None,
            batch_tokens_max: None,
            prompts: BTreeMap::new(),
            engine: EngineName::Auto,
            precision: PrecisionName::Auto,
            batch_max: None,
            batch_delay_ms: 0,
            preload: true,
            sha256: None,
            data_sha256: BTreeMap::new(),
            reference: None,
            tolerance: None,
            versions: None,
            versions_keep: None,
            watch: false,
            optimize: OptimizeName::Throughput,
            pinned: false,
            idle_ttl_s: None,
        }
    }
}

const fn yes() -> bool {
    true
}
