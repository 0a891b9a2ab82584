//! The engine seam: what a graph executor must offer, and nothing more.
//!
//! Three small traits. An [`Engine`] loads a file into a [`LoadedModel`]; a loaded model holds **the one copy of the
//! weights**, tells its [`Signature`] and makes [`Runner`]s; a runner is the execution state of one device slot.
//! Runners never copy weights. Nothing here is async, reads a clock, or knows what a model is for.

#![forbid(unsafe_code)]

mod element;
mod engine;
mod error;
mod memory_share;
mod signature;
mod tensor;

pub use element::ElementType;
pub use engine::{
    Device, Engine, EngineInfo, LoadOptions, LoadedModel, ModelFiles, PortShape, Precision, Runner, RunnerOptions,
};
pub use error::{EngineError, EngineErrorKind};
pub use memory_share::MemoryShare;
pub use signature::{Dim, Port, Signature};
pub use tensor::{Element, TensorMut, TensorRef};
