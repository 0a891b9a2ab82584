//! The routes, one file per noun.

mod anomaly_stream;
mod console;
mod detect;
mod embeddings;
mod evidence;
mod faces;
mod feed_end;
mod health;
mod jobs;
mod jobs_events;
mod jobs_result;
mod jobs_submit;
mod machine;
mod metrics;
mod models;
mod oip;
mod pose;
mod rerank;
mod router;
mod segment;
mod segment_stream;
mod similarity;
mod sources;
mod static_page;
mod stream;
mod stream_events;
mod stream_view;
mod streams;
mod tei;
mod upgrade;
mod zero_shot;

pub(crate) use health::{is_serving, stands_in_the_way};
pub(crate) use oip::{reshaped as oip_form, speaks_oip};
pub(crate) use router::router;
