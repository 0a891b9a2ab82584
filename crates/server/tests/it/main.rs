//! The server at its boundary: real sockets, a fake engine where the test must steer it, real models where numbers count.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod anomaly_live;
mod client;
mod dashboard;
mod drain;
mod errors;
mod evidence;
mod feed;
mod figures;
mod hostile;
mod house;
mod http2;
mod life;
mod live;
mod machine;
mod metrics;
mod models;
mod pages;
mod pictures;
mod pose;
mod promql;
mod promtool;
mod real;
mod real_segment;
mod rules;
mod segment;
mod segment_live;
mod sinks_receiver;
mod slow;
mod socket;
mod sources;
mod streams;
mod street;
