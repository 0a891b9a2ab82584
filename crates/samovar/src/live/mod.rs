//! From what is configured of live streams to what the server takes: anomaly settings, sources, sinks, evidence.

mod additions;
mod anomaly;
mod sinks;
mod sources;

pub use additions::source_additions;
pub use anomaly::anomaly_settings;
pub use sinks::{evidence, mqtt, webhook_secret, webhooks};
pub use sources::sources;
