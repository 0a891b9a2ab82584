//! HTTP and WebSocket surfaces: routes, limits, metrics and the API page.
//!
//! The only place that names axum and JSON. Inner types are not serialisable; `wire` holds their outer forms. The accept
//! loop is Samovar's own: every limit of [`ServerLimits`] is set, and every task has an owner and an end.

#![forbid(unsafe_code)]

mod access;
mod anomaly_live;
mod anomaly_query;
mod anomaly_settings;
mod api_page;
mod app;
mod audio_upload;
mod body_budget;
mod call_live;
mod call_query;
mod call_record;
mod calls;
mod connection;
mod connection_clock;
mod connection_limit;
mod cors;
mod counted;
mod detect_live;
mod detect_query;
mod eager;
mod error;
mod error_form;
mod error_status;
mod evidence;
mod finish_time;
mod grpc;
mod head_scan;
mod hygiene;
mod in_time;
mod jobs;
mod json_body;
mod limits;
mod listener;
mod machine_view;
mod message_pace;
mod metrics;
mod names;
mod openai_form;
mod options;
mod origin;
mod picture_answer;
mod random_id;
mod realtime;
mod request_body;
mod request_id;
mod routes;
mod segment_live;
mod segment_query;
mod server;
mod shutdown;
mod sinks;
mod sources;
mod stream_intake;
mod stream_kind;
mod stream_link;
mod stream_session;
mod stream_teller;
mod streams;
mod tei_form;
mod telemetry;
mod timed_io;
mod tls;
mod upload;
mod wire;

pub use anomaly_settings::AnomalySettings;
pub use calls::CallSettings;
pub use evidence::EvidenceSettings;
pub use jobs::JobSettings;
pub use limits::{AudioUploadLimits, ServerLimits, StreamLimits};
pub use metrics::{DiskSpace, Metrics, Moment, PageFormat};
pub use options::{FaceSettings, ServerOptions};
pub use server::{Server, ServerError};
pub use shutdown::Shutdown;
pub use sinks::{MqttSettings, Secret, WebhookPatience, WebhookSettings};
pub use sources::{SourceAdditions, SourcePipeline, SourceSettings};
pub use telemetry::TelemetrySettings;
pub use tls::{Tls, TlsError, TlsFiles};
