//! The engines: rten built in, OpenVINO and ONNX Runtime linked at run time, and a fake one for tests.
//!
//! The only place that names an engine library. `unsafe` is allowed file by file, where a library's interface needs it.

#![deny(unsafe_code)]

mod code_pages;
mod compiled_form;
mod cpu;
mod fake;
mod fake_compiled;
mod fake_gate;
mod fake_model;
mod fake_numbers;
mod fake_text;
mod form_bytes;
mod gpu_memory;
mod heap;
mod host_tensor;
pub mod install;
mod locate;
mod memory_file;
mod onnx;
mod onnxruntime;
mod openvino;
mod openvino_form;
mod openvino_graph;
mod openvino_tensor;
mod ort_session;
mod ports;
mod present;
mod rten;
mod rten_convert;
mod rten_operators;
mod shared_graphs;
mod tensorrt;

pub use code_pages::give_back_code;
pub use fake::FakeEngine;
pub use fake_gate::Gate;
pub use fake_model::{FakeCall, FakeCounts, FakeFault, FakeModel};
pub use fake_numbers::{fake_digest, fake_output};
pub use heap::{configure_heap, trim_heap};
pub use locate::Locations;
pub use onnx::OnnxFile;
pub use onnxruntime::OnnxRuntime;
pub use openvino::OpenVino;
pub use present::{Surveyed, present, survey};
pub use rten::Rten;
pub use rten_operators::rten_lacks;
pub use shared_graphs::SharedGraphs;
