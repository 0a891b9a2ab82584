//! ONNX files as data: for what is changed in a graph before an engine reads it.

pub(crate) mod proto;
mod stored;

pub(crate) use stored::{BYTES_MAX, StoredError, read, take_in, take_in_data};
