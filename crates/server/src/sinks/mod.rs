//! Sinks: where events go beside the streams themselves. Each is a bounded queue and one task; no stream ever waits for one.

mod event;
mod mqtt;
#[cfg(test)]
mod mqtt_tests;
mod queue;
mod secret;
mod set;
mod settings;
mod sink;
mod webhook;
mod webhook_post;
#[cfg(test)]
mod webhook_tests;

pub(crate) use event::SinkEvent;
pub use secret::Secret;
pub(crate) use set::{Sinks, tell};
pub use settings::{MqttSettings, WebhookPatience, WebhookSettings};
pub(crate) use sink::{Sink, SinkLoss};
