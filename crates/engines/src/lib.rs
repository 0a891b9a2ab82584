//! The engines: rten built in, OpenVINO and ONNX Runtime linked at run time, and a fake one for tests.
//!
//! The only place that names an engine library. `unsafe` is allowed file by file, where a library's interface needs it.

#![deny(unsafe_code)]

mod fake;
mod fake_gate;
mod fake_text;
mod host_tensor;
mod ports;

pub use fake::{FakeCall, FakeCounts, FakeEngine, FakeFault, FakeModel, fake_digest, fake_output};
pub use fake_gate::Gate;
