//! ONNX files, read without their weights: what every engine checks and tells before its own library sees the file.

mod external;
mod file;
mod graph;
mod protobuf;
mod tensor;
mod turned;
mod wire;

pub use file::OnnxFile;
pub(crate) use turned::Turnable;
