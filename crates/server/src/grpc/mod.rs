//! gRPC: the Open Inference Protocol with Triton's extensions, and gRPC's own health, on the port of HTTP or one of its own.
//!
//! Messages are turned into the requests of `samovar_service` and its answers into messages; nothing is decided here. `tonic` serves
//! the small calls. Inference reads and writes its frames itself, so that a tensor is a chain of slices of what the socket
//! delivered until it is written into the engine's input, and leaves as the slice that the engine's output is.

mod asker;
mod calls;
mod configuration;
mod deadline;
mod framing;
mod health;
mod infer;
mod infer_answer;
mod infer_message;
mod infer_stream;
mod messages;
mod parameter;
mod repository;
mod rope;
mod router;
mod settings;
mod shape;
mod statistics;
mod status;
mod typed_contents;

pub(crate) use router::{STREAM, router};
pub(crate) use shape::{reshaped, speaks_grpc};
