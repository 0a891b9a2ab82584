//! Anomaly: detect → track → pose → a window for each person → STG-NF → smoothing → events.

mod alarm;
mod follower;
mod frame_scores;
mod judge;
mod models;
mod options;
mod person_numbers;
mod pose_ring;
mod running_score;
mod scene;
mod schedule;
mod scoring;
mod sight_run;
mod sighting;
mod stream;
mod video;
mod watch;
mod zone;

pub use follower::{Scene, TrackWindow};
pub use frame_scores::frame_scores;
pub use models::AnomalyModels;
pub use options::{AnomalyOptions, AnomalyOptionsError};
pub use scene::{SceneEvent, SceneEventKind, SceneFrame, ScenePerson, WindowScore};
pub use schedule::Schedule;
pub use sighting::{SceneInput, SeenPerson, Sighting};
pub use stream::{AnomalyOutput, AnomalyStream};
pub use video::{AnomalyOutcome, AnomalyScenes, AnomalyVideo};
pub use watch::AnomalyWatch;
pub use zone::Zone;
