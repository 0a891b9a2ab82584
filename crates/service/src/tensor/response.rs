//! What an inference came to.

use super::DataType;
use bytes::Bytes;

/// What an inference came to.
#[derive(Clone, Debug)]
pub struct InferResponse {
    /// The model's name.
    pub model: String,
    /// The version that served, as a number.
    pub version: String,
    /// The request's own name.
    pub id: Option<String>,
    /// In the order in which they were wanted.
    pub outputs: Vec<OutputTensor>,
}

/// One tensor that comes out.
#[derive(Clone, Debug)]
pub struct OutputTensor {
    /// The name of the graph's output.
    pub name: String,
    /// What it holds.
    pub data_type: DataType,
    /// The sizes of its axes.
    pub shape: Vec<usize>,
    /// Dense, row-major, little-endian; `BYTES` as length and bytes of each element. Empty where it was written to shared memory.
    pub data: Bytes,
    /// The region, offset and bytes written, where it went to shared memory.
    pub shared: Option<(String, u64, u64)>,
}
