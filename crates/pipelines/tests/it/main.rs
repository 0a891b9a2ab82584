//! Pipelines over the real runtime and the fake engine.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod anomaly;
mod anomaly_clips;
mod anomaly_stream;
mod anomaly_support;
mod anomaly_video;
mod call;
mod call_support;
mod modes;
mod segment;
mod source;
mod source_support;
mod stream;
mod support;
mod track;
mod track_rules;
mod track_street;
mod video;
mod video_many;
