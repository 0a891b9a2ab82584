//! Where events go: the operator's own addresses, how long they are tried, and what waits for them.

use super::Secret;
use samovar_pipelines::SceneEventKind;
use std::time::Duration;

/// An address that events are posted to.
#[derive(Clone, Debug, PartialEq)]
pub struct WebhookSettings {
    /// What sources call it.
    pub name: String,
    /// `http://` or `https://`. Redirects are not followed.
    pub url: String,
    /// The key of the signature (HMAC-SHA256); without it nothing is signed.
    pub secret: Option<Secret>,
    /// What is told; nothing means everything.
    pub events: Vec<SceneEventKind>,
    /// From the beginning of a try to its answer.
    pub timeout: Duration,
    /// How often and how long one event is tried.
    pub patience: WebhookPatience,
    /// Events that wait; a further one pushes out the oldest.
    pub queue_max: usize,
}

/// How often and how long one event is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WebhookPatience {
    /// Tries in all.
    pub tries_max: u32,
    /// From the event on; one that is older is given up.
    pub age_max: Duration,
    /// Wait after the first try; it doubles from try to try.
    pub wait_first: Duration,
    /// The longest wait, whatever the receiver asks for with `Retry-After`.
    pub wait_max: Duration,
}

/// The broker that events are published to (MQTT 3.1.1, quality of service 1).
#[derive(Clone, Debug, PartialEq)]
pub struct MqttSettings {
    /// What sources call it.
    pub name: String,
    /// Its host.
    pub host: String,
    /// Its port: 1883, with TLS 8883.
    pub port: u16,
    /// Whether the connection is encrypted.
    pub tls: bool,
    /// Who the server is there.
    pub username: Option<String>,
    /// The password that goes with it.
    pub password: Option<Secret>,
    /// The client's name at the broker; none for a random one.
    pub client_id: Option<String>,
    /// What topics begin with: `PREFIX/SOURCE/anomaly.started`.
    pub topic_prefix: String,
    /// What is told; nothing means everything.
    pub events: Vec<SceneEventKind>,
    /// The longest wait between tries to connect.
    pub wait_max: Duration,
    /// Events that wait; a further one pushes out the oldest.
    pub queue_max: usize,
}

/// Events that wait for a sink, where nobody says otherwise.
const QUEUE_MAX: usize = 1_024;

impl WebhookSettings {
    /// Everything is told, unsigned.
    pub fn new(name: impl Into<String>, url: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            url: url.into(),
            secret: None,
            events: Vec::new(),
            timeout: Duration::from_secs(5),
            patience: WebhookPatience::default(),
            queue_max: QUEUE_MAX,
        }
    }
}

impl Default for WebhookPatience {
    fn default() -> Self {
        Self {
            tries_max: 10,
            age_max: Duration::from_secs(600),
            wait_first: Duration::from_secs(1),
            wait_max: Duration::from_secs(60),
        }
    }
}

impl MqttSettings {
    /// Everything is told, without TLS.
    pub fn new(name: impl Into<String>, host: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            host: host.into(),
            port: 1883,
            tls: false,
            username: None,
            password: None,
            client_id: None,
            topic_prefix: "samovar".to_owned(),
            events: Vec::new(),
            wait_max: Duration::from_secs(30),
            queue_max: QUEUE_MAX,
        }
    }
}
