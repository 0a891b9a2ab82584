//! Sinks: where events go beside the streams themselves. Each is a bounded queue and one task; no stream ever waits for one.

mod secret;
mod settings;

pub use secret::Secret;
pub use settings::{MqttSettings, WebhookPatience, WebhookSettings};
