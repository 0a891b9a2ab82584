//! `[keys.NAME]`, `[server.tls]` and `[telemetry]`: who may ask, how connections are encrypted, where traces go.

use schemars::JsonSchema;
use serde::Deserialize;
use std::path::PathBuf;

/// A key. `samovar keys new NAME` makes one.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeySection {
    /// SHA-256 of its secret, which itself stands nowhere.
    pub sha256: String,
    /// What it may.
    #[serde(default = "infer")]
    pub scopes: Vec<ScopeName>,
    /// Requests a second in the long run. Default: no limit.
    #[serde(default)]
    #[schemars(range(min = 0.001, max = 1_000_000.0))]
    pub rate_per_s: Option<f64>,
    /// Requests at once after a rest. Default: those of one second.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub burst: Option<u32>,
    /// Requests and streams that are open at the same time. Default: no limit.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub concurrent_max: Option<usize>,
    /// The largest body or message. Default: the server's own limit, which this can only lower.
    #[serde(default)]
    #[schemars(range(min = 1_024, max = 1_073_741_824))]
    pub body_bytes_max: Option<u64>,
    /// Texts, documents or pictures of one request. Default: the server's own limit, which this can only lower.
    #[serde(default)]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub items_max: Option<usize>,
    /// The day, or the moment, from which on it is unknown: "2027-01-31" or "2027-01-31T18:00:00Z". Default: never.
    #[serde(default)]
    pub expires: Option<String>,
}

/// What a key may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ScopeName {
    /// Ask models: requests and live streams.
    Infer,
    /// Hand in recorded media, and see what became of one's own.
    Jobs,
    /// Load and unload models, sources, evidence, and see everybody's.
    Admin,
    /// Read figures.
    Metrics,
}

/// How connections are encrypted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TlsSection {
    /// The certificate, and those between it and its authority (PEM). Default: connections are not encrypted.
    pub certificate: Option<PathBuf>,
    /// Its private key (PEM, not encrypted).
    pub key: Option<PathBuf>,
    /// The authorities of clients' certificates (PEM). Default: clients need no certificate.
    pub client_ca: Option<PathBuf>,
}

/// Where traces of requests go.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TelemetrySection {
    /// A collector that takes OTLP over gRPC: "http://127.0.0.1:4317". Default: there is none, and nothing is traced.
    pub otlp_endpoint: Option<String>,
    /// What this server is called there.
    pub service_name: String,
    /// The share of requests that are traced where the client does not say.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub sample_ratio: f64,
}

impl Default for TelemetrySection {
    fn default() -> Self {
        Self { otlp_endpoint: None, service_name: "samovar".to_owned(), sample_ratio: 1.0 }
    }
}

fn infer() -> Vec<ScopeName> {
    vec![ScopeName::Infer]
}
