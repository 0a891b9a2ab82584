//! The Open Inference Protocol over HTTP with Triton's extensions: its JSON forms, and tensors in JSON and behind it.

mod config;
mod depth;
mod error;
mod infer_answer;
mod infer_request;
mod metadata;
mod numbers;
mod parameter;
mod settings;
mod statistics;
mod values;

pub(crate) use config::ConfigBody;
pub(crate) use depth::{DEPTH_MAX, is_too_deep};
pub(crate) use error::OipError;
pub(crate) use infer_answer::{InferAnswer, answer_of};
pub(crate) use infer_request::{Form, ReadRequest, read_request, why};
pub(crate) use metadata::{ModelMetadataBody, ServerMetadataBody};
pub(crate) use parameter::ParametersBody;
pub(crate) use settings::{LogBody, TraceBody, TraceChanges};
pub(crate) use statistics::StatisticsBody;
