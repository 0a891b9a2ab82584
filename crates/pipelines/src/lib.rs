//! Pipelines: models and per-stream state put together. A stream owns all of its own state; models are shared.
//!
//! Nothing here names a wire: events are plain values, and whoever serves them turns them into messages.

#![forbid(unsafe_code)]

mod anomaly;
mod detect_stream;
mod detect_video;
mod frame_queue;
mod mode;
mod mode_governor;
mod mode_table;
mod pace;
mod reopening;
mod segment_stream;
mod track;

pub use anomaly::{
    AnomalyModels, AnomalyOptions, AnomalyOptionsError, SceneEvent, SceneEventKind, SceneFrame, ScenePerson, Schedule,
    Zone,
};
pub use detect_stream::DetectStream;
pub use detect_video::{DetectVideo, VideoDetections, VideoOutcome};
pub use frame_queue::{FrameEvent, FrameQueue};
pub use mode::Mode;
pub use mode_governor::{FrameTime, GovernorPolicy, ModeGovernor};
pub use mode_table::{ModeTable, ModeTableError};
pub use segment_stream::{ModeChanged, SegmentEvent, SegmentStream};
pub use track::{Seen, Tracked, Tracker, TrackerOptions};
