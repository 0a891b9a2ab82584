//! How a server is set up.

use crate::{
    AnomalySettings, CallSettings, EvidenceSettings, JobSettings, MqttSettings, ServerLimits, SourceAdditions,
    SourceSettings, TelemetrySettings, Tls, WebhookSettings,
};
use samovar_media::FfmpegProgram;
use samovar_service::access::Access;
use samovar_service::shared_memory::SharedMemoryLimits;
use samovar_service::speech::SpeechSettings;
use samovar_service::tensor::LogControl;
use samovar_service::text::Pairs;
use samovar_triage::{CurrentRules, RuleBook};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

/// How a server is set up.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    /// Where it listens. Port 0 takes a free one.
    pub address: SocketAddr,
    /// Where it listens for gRPC beside `address`, which takes gRPC as well.
    pub grpc_address: Option<SocketAddr>,
    /// Shared memory that callers on this machine may name; none: nobody may.
    pub shared_memory: Option<SharedMemoryLimits>,
    /// Listen on an address that others can reach although nobody has to prove who they are.
    pub insecure: bool,
    /// Who may ask. By default nobody is asked for a key.
    pub access: Arc<Access>,
    /// The model of requests that name none. Without it, the only detection model.
    pub default_model: Option<String>,
    /// Origins whose pages may open streams and send requests, beside the server's own: `https://cameras.example`.
    pub allowed_origins: Vec<String>,
    /// Names that the server answers to on a loopback address, beside those of this machine: a proxy's, where it passes them on.
    pub hosts: Vec<String>,
    /// Whether every request is told in the log.
    pub access_log: bool,
    /// Encrypts every connection.
    pub tls: Option<Arc<Tls>>,
    /// Where traces of requests are sent.
    pub telemetry: Option<TelemetrySettings>,
    /// How long requests are still taken after readiness has turned: balancers need that long to look elsewhere.
    pub drain_delay: Duration,
    /// How long what was accepted may take to finish after that.
    pub grace: Duration,
    /// What clients may do.
    pub limits: ServerLimits,
    /// The modes of live segmentation, fastest first: (mode, configured name of its model). Without any, requests name a model.
    pub segment_modes: Vec<(String, String)>,
    /// The models and options of anomaly streams that name none. Without it, the only model of each kind, and the usual options.
    pub anomaly: Option<AnomalySettings>,
    /// The program that reads sources and writes clips. Without it there are neither.
    pub ffmpeg: Option<FfmpegProgram>,
    /// Cameras and files that the server opens itself.
    pub sources: Vec<SourceSettings>,
    /// Which sources clients may add while it runs. By default none.
    pub source_additions: SourceAdditions,
    /// Where events are posted to.
    pub webhooks: Vec<WebhookSettings>,
    /// Where events are published to.
    pub mqtt: Option<MqttSettings>,
    /// What is kept of anomalies. Without it nothing is.
    pub evidence: Option<EvidenceSettings>,
    /// The queue of recorded media, and who works on it. Without it no jobs are taken.
    pub jobs: Option<JobSettings>,
    /// Two towers of one CLIP or SigLIP under one name.
    pub pairs: Pairs,
    /// Which models requests for faces mean that name none.
    pub faces: FaceSettings,
    /// Which models hear, and what audio they are given.
    pub speech: SpeechSettings,
    /// What is kept of calls. Without it nothing is.
    pub calls: Option<CallSettings>,
    /// The rules that tell how urgent a call is: those that Samovar brings, unless others are put in their place, at any time.
    pub rules: Arc<CurrentRules>,
    /// How the process's log is changed while it runs. Without it nobody may.
    pub log: Option<LogControl>,
}

/// Which models requests for faces mean that name none; without, the only one of each kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FaceSettings {
    /// The model that finds faces.
    pub detector: Option<String>,
    /// The model that tells whose face it is.
    pub embedding: Option<String>,
}

impl ServerOptions {
    /// Whether only programs of this machine can reach it, at whichever address.
    pub(crate) fn is_local(&self) -> bool {
        self.address.ip().is_loopback() && self.grpc_address.is_none_or(|address| address.ip().is_loopback())
    }
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            grpc_address: None,
            shared_memory: None,
            insecure: false,
            access: Arc::default(),
            default_model: None,
            allowed_origins: Vec::new(),
            hosts: Vec::new(),
            access_log: false,
            tls: None,
            telemetry: None,
            drain_delay: Duration::from_secs(5),
            grace: Duration::from_secs(30),
            limits: ServerLimits::default(),
            segment_modes: Vec::new(),
            anomaly: None,
            ffmpeg: None,
            sources: Vec::new(),
            source_additions: SourceAdditions::default(),
            webhooks: Vec::new(),
            mqtt: None,
            evidence: None,
            jobs: None,
            pairs: Pairs::new(),
            faces: FaceSettings::default(),
            speech: SpeechSettings::default(),
            calls: None,
            rules: Arc::new(CurrentRules::new(RuleBook::shipped())),
            log: None,
        }
    }
}
