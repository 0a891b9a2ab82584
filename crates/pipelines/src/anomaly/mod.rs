//! Anomaly: detect → track → pose → a window for each person → STG-NF → smoothing → events.

mod models;
mod options;
mod scene;

pub use models::AnomalyModels;
pub use options::{AnomalyOptions, AnomalyOptionsError, Schedule, Zone};
pub use scene::{SceneEvent, SceneEventKind, SceneFrame, ScenePerson};
