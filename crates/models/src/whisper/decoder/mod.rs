//! What runs a Whisper's graphs: the forms that exports have, the graphs that are made of them, and batches of rows that are stepped
//! together on an engine's runners.

mod batch;
mod fed;
mod graph;
mod graphs;
mod hidden;
mod parts;
mod plain;
mod plain_ports;
mod run_forms;
mod stepped;
mod stepped_ports;
mod tensor_bytes;
mod text_cache;
mod window_encoder;

pub use batch::{BatchLimits, DecoderBatch};
pub use fed::{Attentions, Fed};
pub(super) use graph::module_places;
pub use graph::{DecoderShape, EditError, StepGraphs};
pub(super) use graphs::EncoderPorts;
pub use graphs::{GraphForm, Graphs};
pub use window_encoder::{EncodedWindow, WindowEncoder};
