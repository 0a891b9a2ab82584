//! The Open Inference Protocol over HTTP, with Triton's extensions.

mod answer;
mod described;
mod form;
mod infer;
mod json;
mod models;
mod repository;
mod router;
mod settings;
mod shared_memory;
mod target;

pub(super) use described::add_to;
pub(crate) use form::{reshaped, speaks_oip};
pub(super) use router::router;
