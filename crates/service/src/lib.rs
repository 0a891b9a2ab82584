//! What a request may ask of models, whichever wire it comes by.
//!
//! HTTP, gRPC and WebSocket read their own messages into the requests of this crate and write its answers; what is allowed, what is
//! valid and what it comes to is decided here, once. Nothing here names a wire.

#![forbid(unsafe_code)]

pub mod access;
mod chosen_model;
mod error;
pub mod media;
pub mod shared_memory;
pub mod speech;
pub mod tensor;
pub mod text;

pub use error::{ServiceError, ServiceErrorKind};
