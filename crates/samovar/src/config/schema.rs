//! What may stand in the configuration file: the sections, their keys, their defaults and bounds.
//!
//! These types are the only list of keys: the checks, `samovar config schema` and the test of the example all read the
//! schema that is derived from them.

use super::versions::VersionsSetting;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

/// The whole file.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where and how the server listens.
    pub server: ServerSection,
    /// The device that all models share.
    pub device: DeviceSection,
    /// Limits of the queue in front of the device.
    pub queue: QueueSection,
    /// Decoding of pictures and video.
    pub media: MediaSection,
    /// What all models together may take.
    pub memory: MemorySection,
    /// How models are measured here, and where what was found is kept.
    pub plans: PlansSection,
    /// Names under which streams choose among models, and change their choice while they run.
    pub modes: ModesSection,
    /// The models by name.
    pub models: BTreeMap<String, ModelSection>,
}

/// Where and how the server listens.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ServerSection {
    /// Address and port. Port 0 takes a free one.
    #[schemars(with = "String")]
    pub listen: SocketAddr,
    /// Allows an address that other machines can reach although nobody is asked who they are.
    pub insecure: bool,
    /// The model of requests that name none. Default: the only detection model, where there is one.
    pub default_model: Option<String>,
    /// What a model that cannot be loaded at start means.
    pub on_preload_failure: PreloadFailureName,
    /// Origins whose pages may open streams besides the server's own.
    pub allowed_origins: Vec<String>,
    /// How long the server still accepts after it was told to end, so that load balancers notice.
    #[schemars(range(max = 600_000))]
    pub drain_delay_ms: u64,
    /// How long requests in progress may take after that.
    #[schemars(range(max = 3_600_000))]
    pub grace_ms: u64,
    /// From a request's arrival to its result.
    #[schemars(range(min = 1, max = 3_600_000))]
    pub request_time_max_ms: u64,
    /// The largest request body.
    #[schemars(range(min = 1_024, max = 1_073_741_824))]
    pub body_bytes_max: usize,
    /// Connections at the same time.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub connections_max: usize,
    /// Connections of one address at the same time.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub connections_per_client_max: usize,
    /// WebSocket streams at the same time.
    #[schemars(range(min = 1, max = 100_000))]
    pub streams_max: usize,
    /// The largest message of a stream: one picture.
    #[schemars(range(min = 1_024, max = 1_073_741_824))]
    pub stream_message_bytes_max: usize,
}

/// The device that all models share.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DeviceSection {
    /// Runs at the same time. Default: one for each core.
    #[schemars(range(min = 1, max = 1_024))]
    pub slots: Option<usize>,
    /// CPU threads of one run. Default: 1, the best throughput; more make a single run faster.
    #[schemars(range(min = 1, max = 1_024))]
    pub threads: Option<usize>,
}

/// Limits of the queue in front of the device.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct QueueSection {
    /// Entries of each class that may wait.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub capacity: usize,
    /// How long a frame of a live stream may wait.
    #[schemars(range(min = 1, max = 3_600_000))]
    pub live_wait_max_ms: u64,
    /// How long a request may wait.
    #[schemars(range(min = 1, max = 3_600_000))]
    pub interactive_wait_max_ms: u64,
    /// How long a piece of recorded media may wait.
    #[schemars(range(min = 1, max = 86_400_000))]
    pub job_wait_max_ms: u64,
    /// At least one batch in this many is a job's while jobs wait. 0: no reserved share.
    #[schemars(range(max = 1_000))]
    pub job_share: u32,
    /// At least one batch in this many is a request's while requests wait. 0: no reserved share.
    #[schemars(range(max = 1_000))]
    pub interactive_share: u32,
}

/// Decoding of pictures and video.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MediaSection {
    /// The ffmpeg program. Default: `SAMOVAR_FFMPEG`, then Samovar's own folder, then `PATH`.
    pub ffmpeg: Option<PathBuf>,
    /// Longest side of a picture, in pixels.
    #[schemars(range(min = 16, max = 65_535))]
    pub image_side_px_max: u32,
    /// Bytes of a decoded picture.
    #[schemars(range(min = 1_024, max = 1_073_741_824))]
    pub image_decoded_bytes_max: u64,
}

/// What all models together may take.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MemorySection {
    /// Weights and run memory of all models together, `"8GiB"` or `"512MiB"`. Default: no limit.
    pub limit: Option<String>,
}

/// How models are measured here, and where what was found is kept.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PlansSection {
    /// Where plans and the engines' compiled forms are kept. Default: `plans` in Samovar's own folder.
    pub folder: Option<PathBuf>,
    /// Measure a model without a plan once it serves, while nothing else is to be done.
    pub background: bool,
    /// The longest that the measurements of one model may take.
    #[schemars(range(min = 1, max = 3_600))]
    pub budget_s: u64,
}

/// Names under which streams choose among models, and change their choice while they run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ModesSection {
    /// Modes of segmentation.
    pub segment: ModeModels,
}

/// The model of each mode; any of them may be left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ModeModels {
    /// The quickest.
    pub fast: Option<String>,
    /// Between quick and exact.
    pub balanced: Option<String>,
    /// More exact, slower.
    pub accurate: Option<String>,
    /// The most exact.
    pub sota: Option<String>,
}

/// One model.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelSection {
    /// The ONNX file, or a folder of versions (`1/model.onnx`, `2/model.onnx`); relative to this file's folder. Or a name
    /// that `samovar models list` tells.
    pub path: PathBuf,
    /// What goes in and comes out: `yolo`, `yolox`, `yolo-pose`, `segmentation`. Default: recognised from the file.
    #[serde(default)]
    pub family: Option<FamilyName>,
    /// A text file with one class name a line. Default: what the exporter wrote into the model.
    #[serde(default)]
    pub labels: Option<PathBuf>,
    /// Width and height to run at, `"640x384"`, for models that take any size.
    #[serde(default)]
    pub input_size: Option<String>,
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
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
}

/// What a model that cannot be loaded at start means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PreloadFailureName {
    /// Not ready, and requests for it are refused, until a retry has succeeded.
    #[default]
    Degraded,
    /// Ready all the same; a request for it tries to load it.
    Lazy,
    /// The server ends with exit code 1.
    Exit,
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

impl ModeModels {
    /// Every mode that has a model, the quickest first: its name and its model's.
    pub fn configured(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let modes =
            [("fast", &self.fast), ("balanced", &self.balanced), ("accurate", &self.accurate), ("sota", &self.sota)];
        modes.into_iter().filter_map(|(mode, model)| Some((mode, model.as_deref()?)))
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

impl Default for ServerSection {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            insecure: false,
            default_model: None,
            on_preload_failure: PreloadFailureName::Degraded,
            allowed_origins: Vec::new(),
            drain_delay_ms: 5_000,
            grace_ms: 30_000,
            request_time_max_ms: 30_000,
            body_bytes_max: 16 << 20,
            connections_max: 2_000,
            connections_per_client_max: 100,
            streams_max: 1_000,
            stream_message_bytes_max: 8 << 20,
        }
    }
}

impl Default for QueueSection {
    fn default() -> Self {
        Self {
            capacity: 256,
            live_wait_max_ms: 1_000,
            interactive_wait_max_ms: 10_000,
            job_wait_max_ms: 600_000,
            job_share: 10,
            interactive_share: 5,
        }
    }
}

impl Default for MediaSection {
    fn default() -> Self {
        Self { ffmpeg: None, image_side_px_max: 8_192, image_decoded_bytes_max: 64 << 20 }
    }
}

impl Default for PlansSection {
    fn default() -> Self {
        Self { folder: None, background: true, budget_s: 60 }
    }
}

/// The JSON schema of the file, everything in place (no references).
pub fn json_schema() -> serde_json::Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    settings.for_deserialize().into_generator().into_root_schema_for::<Config>().into()
}
