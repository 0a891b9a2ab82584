//! Pipelines over the real runtime and the fake engine.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod modes;
mod segment;
mod stream;
mod support;
mod track;
mod track_rules;
mod track_street;
mod video;
