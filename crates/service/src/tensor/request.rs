//! One inference as it is asked for, whichever wire it came by.

use super::{ByteChunks, DataType, Parameters};
use bytes::Bytes;
use std::time::Duration;

/// One inference.
#[derive(Clone, Debug, Default)]
pub struct InferRequest {
    /// The model's name.
    pub model: String,
    /// The version that must serve; none: whichever serves.
    pub version: Option<String>,
    /// The caller's own name for the request, told back.
    pub id: Option<String>,
    /// Tensors by name, in any order.
    pub inputs: Vec<InputTensor>,
    /// What is wanted, in this order; empty: every output.
    pub outputs: Vec<WantedOutput>,
    /// 0 and 1: as any request; 2 and more: behind those, with the jobs (Triton's schedule policy, with two levels).
    pub priority: u64,
    /// How long the answer is worth something.
    pub timeout: Option<Duration>,
    /// Whatever else was said.
    pub parameters: Parameters,
}

/// One tensor that goes in.
#[derive(Clone, Debug)]
pub struct InputTensor {
    /// The name of the graph's input.
    pub name: String,
    /// What it claims to hold.
    pub data_type: DataType,
    /// The sizes of its axes as the caller has them; negative ones are refused.
    pub shape: Vec<i64>,
    /// Its elements.
    pub data: TensorData,
}

/// Where a tensor's elements are.
#[derive(Clone, Debug)]
pub enum TensorData {
    /// As the wire carried them: dense, row-major, little-endian; `BYTES` as length and bytes of each element.
    Raw(ByteChunks),
    /// Read from text or typed fields, brought to the same form.
    Values(Bytes),
    /// In a registered region of shared memory.
    Shared {
        /// The region's name.
        region: String,
        /// Where it begins.
        offset: u64,
        /// How long it is.
        byte_size: u64,
    },
}

/// One output that is wanted.
#[derive(Clone, Debug, Default)]
pub struct WantedOutput {
    /// The name of the graph's output.
    pub name: String,
    /// The best so many classes in place of the tensor: `value:index[:label]`.
    pub classes: Option<usize>,
    /// Write it there in place of telling it: region, offset, byte size.
    pub shared: Option<(String, u64, u64)>,
    /// Whether the wire is to carry it in binary; how is the wire's business.
    pub binary: Option<bool>,
}
