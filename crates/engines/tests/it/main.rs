//! The engines on real models: the same numbers everywhere, typed errors for damaged files, shared weights.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first thing that is not as it should be")]

mod agreement;
mod batches;
mod compiled;
mod damaged;
mod hostile;
mod hub_cache;
mod inputs;
mod machine;
mod onnx_writer;
mod precisions;
mod same_numbers;
mod shapes;
mod sharing;
