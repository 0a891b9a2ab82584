//! What may stand in the configuration file: the sections, their keys, their defaults and bounds.
//!
//! These types are the only list of keys: the checks, `samovar config schema` and the test of the example all read the
//! schema that is derived from them.

mod access;
mod anomaly;
mod jobs;
mod model;
mod pair;
mod sink;
mod source;
mod speech;
mod video;

pub use access::{KeySection, ScopeName, TelemetrySection, TlsSection};
pub use anomaly::{AnomalySection, ScheduleSection, ZoneSection};
pub use jobs::JobsSection;
pub use model::{EngineName, FamilyName, ModelSection, OptimizeName, PoolingName, PrecisionName};
pub use pair::{FacesSection, PairSection};
pub use sink::{EventName, EvidenceSection, MqttSection, WebhookSection};
pub use source::{PipelineName, SourceAdditionsSection, SourceSection};
pub use speech::{CallAudioName, CallsSection, SpeechSection, TriageSection};
pub use video::VideoSection;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::LazyLock;

/// The whole file.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where and how the server listens.
    pub server: ServerSection,
    /// Who may ask, by name. Without any, and without `server.keys_file`, nobody is asked who they are.
    pub keys: BTreeMap<String, KeySection>,
    /// Where traces of requests go.
    pub telemetry: TelemetrySection,
    /// The device that all models share.
    pub device: DeviceSection,
    /// Limits of the queue in front of the device.
    pub queue: QueueSection,
    /// Decoding of pictures and video.
    pub media: MediaSection,
    /// How recorded videos are worked through.
    pub video: VideoSection,
    /// What all models together may take.
    pub memory: MemorySection,
    /// How models are measured here, and where what was found is kept.
    pub plans: PlansSection,
    /// Names under which streams choose among models, and change their choice while they run.
    pub modes: ModesSection,
    /// The models by name.
    pub models: BTreeMap<String, ModelSection>,
    /// Two towers of one CLIP or SigLIP under one name.
    pub pairs: BTreeMap<String, PairSection>,
    /// Which models requests for faces mean that name none.
    pub faces: FacesSection,
    /// Which models look at people, and when a movement counts as an anomaly.
    pub anomaly: AnomalySection,
    /// Cameras, addresses and files that the server opens itself, by name.
    pub sources: BTreeMap<String, SourceSection>,
    /// Which sources clients may add while the server runs.
    pub source_additions: SourceAdditionsSection,
    /// Addresses that events are posted to, by name.
    pub webhooks: BTreeMap<String, WebhookSection>,
    /// The broker that events are published to.
    pub mqtt: MqttSection,
    /// What is kept of anomalies.
    pub evidence: EvidenceSection,
    /// Recorded media that clients hand in, and that survive a crash.
    pub jobs: JobsSection,
    /// What hears recordings and calls, and what sound they may bring.
    pub speech: SpeechSection,
    /// What is kept of calls.
    pub calls: CallsSection,
    /// What tells how urgent a call is.
    pub triage: TriageSection,
}

/// Where and how the server listens.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ServerSection {
    /// Address and port. Port 0 takes a free one.
    #[schemars(with = "String")]
    pub listen: SocketAddr,
    /// A further address for gRPC; `listen` takes gRPC as well.
    #[schemars(with = "Option<String>")]
    pub grpc_listen: Option<SocketAddr>,
    /// Whether callers on this machine may pass tensors in system shared memory.
    pub shared_memory: bool,
    /// Allows an address that other machines can reach although nobody is asked who they are.
    pub insecure: bool,
    /// The model of requests that name none. Default: the only detection model, where there is one.
    pub default_model: Option<String>,
    /// What a model that cannot be loaded at start means.
    pub on_preload_failure: PreloadFailureName,
    /// Origins whose pages may open streams besides the server's own.
    pub allowed_origins: Vec<String>,
    /// Names that the server answers to on a loopback address besides `localhost`: those of a proxy that passes them on.
    pub hosts: Vec<String>,
    /// A file with more `[keys.NAME]`, read again when it changes; relative to this file's folder.
    pub keys_file: Option<PathBuf>,
    /// Whether each request is a line of the log.
    pub access_log: bool,
    /// How connections are encrypted.
    pub tls: TlsSection,
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
    /// Bytes of all request bodies that are held at once; videos for jobs are not among them.
    #[schemars(range(min = 1_048_576, max = 1_099_511_627_776_u64))]
    pub bodies_bytes_max: usize,
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
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DeviceSection {
    /// Runs at the same time. Default: one for each core.
    #[schemars(range(min = 1, max = 1_024))]
    pub slots: Option<usize>,
    /// CPU threads of one run. Default: 1, the best throughput; more make a single run faster.
    #[schemars(range(min = 1, max = 1_024))]
    pub threads: Option<usize>,
    /// Share of a card's memory that each model may use on it: ONNX Runtime with CUDA or TensorRT. Default: all. Nothing on a CPU.
    #[schemars(range(min = 0.001, max = 1.0))]
    pub gpu_memory_fraction: Option<f64>,
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
    /// One part in this many of the device's time is the jobs' while jobs wait. 0: no reserved share.
    #[schemars(range(max = 1_000))]
    pub job_share: u32,
    /// One part in this many of the device's time is the requests' while requests wait. 0: no reserved share.
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

impl ModeModels {
    /// Every mode that has a model, the quickest first: its name and its model's.
    pub fn configured(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let modes =
            [("fast", &self.fast), ("balanced", &self.balanced), ("accurate", &self.accurate), ("sota", &self.sota)];
        modes.into_iter().filter_map(|(mode, model)| Some((mode, model.as_deref()?)))
    }
}

impl Default for ServerSection {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            grpc_listen: None,
            shared_memory: false,
            insecure: false,
            default_model: None,
            on_preload_failure: PreloadFailureName::Degraded,
            allowed_origins: Vec::new(),
            hosts: Vec::new(),
            keys_file: None,
            access_log: false,
            tls: TlsSection::default(),
            drain_delay_ms: 5_000,
            grace_ms: 30_000,
            request_time_max_ms: 30_000,
            body_bytes_max: 16 << 20,
            bodies_bytes_max: 512 << 20,
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
pub fn json_schema() -> &'static serde_json::Value {
    static SCHEMA: LazyLock<serde_json::Value> = LazyLock::new(|| {
        let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
        settings.for_deserialize().into_generator().into_root_schema_for::<Config>().into()
    });
    &SCHEMA
}
