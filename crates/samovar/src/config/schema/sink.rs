//! `[webhooks.NAME]`, `[mqtt]` and `[evidence]`: where events go, and what is kept of them. Secrets stand in files of their own.

use schemars::JsonSchema;
use serde::Deserialize;
use std::path::PathBuf;

/// An address that events are posted to, signed.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookSection {
    /// `http://` or `https://`.
    pub url: String,
    /// A file with the key that requests are signed with (HMAC-SHA256); relative to this file's folder.
    #[serde(default)]
    pub secret_file: Option<PathBuf>,
    /// The environment variable that has the key.
    #[serde(default)]
    pub secret_env: Option<String>,
    /// What is told.
    #[serde(default = "told")]
    pub events: Vec<EventName>,
    /// From the beginning of a try to its answer.
    #[serde(default = "webhook_timeout_ms")]
    #[schemars(range(min = 100, max = 60_000))]
    pub timeout_ms: u64,
}

/// The broker that events are published to.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MqttSection {
    /// Host and port: `broker.local:1883`. Default: there is none.
    pub address: Option<String>,
    /// Whether the connection is encrypted.
    pub tls: bool,
    /// Who the server is there.
    pub username: Option<String>,
    /// A file with the password; relative to this file's folder.
    pub password_file: Option<PathBuf>,
    /// What topics begin with: `PREFIX/SOURCE/anomaly.started`.
    pub topic: String,
    /// What is told.
    pub events: Vec<EventName>,
}

/// What is kept of anomalies: a picture, and a clip where the source allows one.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct EvidenceSection {
    /// Where. Default: nothing is kept.
    pub folder: Option<PathBuf>,
    /// Of a clip, before the anomaly.
    #[schemars(range(max = 60))]
    pub before_s: u64,
    /// And after.
    #[schemars(range(max = 60))]
    pub after_s: u64,
    /// What all of it may take; the oldest goes first.
    pub bytes_max: String,
    /// After how long it goes.
    #[schemars(range(min = 1, max = 36_500))]
    pub age_max_days: u64,
    /// How many anomalies are kept.
    #[schemars(range(min = 1, max = 10_000_000))]
    pub count_max: usize,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum EventName {
    /// Somebody is there who was not.
    #[serde(rename = "person.appeared")]
    PersonAppeared,
    /// Somebody is no longer there.
    #[serde(rename = "person.left")]
    PersonLeft,
    /// Somebody's movement is unusual from here on.
    #[serde(rename = "anomaly.started")]
    AnomalyStarted,
    /// It still is.
    #[serde(rename = "anomaly.updated")]
    AnomalyUpdated,
    /// It no longer is, or the person has left.
    #[serde(rename = "anomaly.ended")]
    AnomalyEnded,
}

impl Default for MqttSection {
    fn default() -> Self {
        Self {
            address: None,
            tls: false,
            username: None,
            password_file: None,
            topic: "samovar".to_owned(),
            events: told(),
        }
    }
}

impl Default for EvidenceSection {
    fn default() -> Self {
        Self {
            folder: None,
            before_s: 5,
            after_s: 5,
            bytes_max: "10GiB".to_owned(),
            age_max_days: 30,
            count_max: 10_000,
        }
    }
}

/// What somebody wants to be woken for.
fn told() -> Vec<EventName> {
    vec![EventName::AnomalyStarted, EventName::AnomalyEnded]
}

const fn webhook_timeout_ms() -> u64 {
    5_000
}
