//! Pipelines: models and per-stream state put together. A stream owns all of its own state; models are shared.
//!
//! Nothing here names a wire: events are plain values, and whoever serves them turns them into messages.

#![forbid(unsafe_code)]

mod detect_stream;
mod detect_video;
mod frame_queue;

pub use detect_stream::DetectStream;
pub use detect_video::{DetectVideo, VideoDetections, VideoOutcome};
pub use frame_queue::{FrameEvent, FrameQueue};
