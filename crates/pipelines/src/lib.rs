//! Pipelines: models and per-stream state put together. A stream owns all of its own state; models are shared.
//!
//! Nothing here names a wire: events are plain values, and whoever serves them turns them into messages.

#![forbid(unsafe_code)]

mod anomaly;
mod call;
mod detect_stream;
mod detect_video;
mod frame_queue;
mod mode;
mod mode_governor;
mod mode_table;
mod pace;
mod reopening;
mod segment_stream;
mod source;
mod track;
mod video_bounds;
mod video_feed;
mod video_figures;

pub use anomaly::{
    AnomalyModels, AnomalyOptions, AnomalyOptionsError, AnomalyOutcome, AnomalyOutput, AnomalyScenes, AnomalyStream,
    AnomalyVideo, AnomalyWatch, Scene, SceneEvent, SceneEventKind, SceneFrame, SceneInput, ScenePerson, Schedule,
    SeenPerson, Sighting, TrackWindow, WindowScore, Zone, frame_scores,
};
pub use call::{
    Analysis, AnalysisOptions, CallEvent, CallModels, CallOptions, CallStream, DetectedTurns, TurnChange, Turns,
    analyse,
};
pub use detect_stream::DetectStream;
pub use detect_video::{DetectVideo, VideoDetections, VideoOutcome};
pub use frame_queue::{FrameEvent, FrameQueue};
pub use mode::Mode;
pub use mode_governor::{FrameTime, GovernorPolicy, ModeGovernor};
pub use mode_table::{ModeTable, ModeTableError};
pub use segment_stream::{ModeChanged, SegmentEvent, SegmentStream};
pub use source::{
    ClipSpan, ReconnectPolicy, SourceAddress, SourceAddressError, SourceFault, SourceFigures, SourceFrame, SourceItem,
    SourceKind, SourceMonitor, SourceReader, SourceSpec, SourceSpecError, SourceStartError, SourceState, SourceTools,
};
pub use track::{Seen, TrackFigures, TrackJudge, Tracked, Tracker, TrackerOptions, TrackerOptionsError};
pub use video_bounds::{VideoBounds, VideoBoundsError};
pub use video_figures::VideoFigures;
