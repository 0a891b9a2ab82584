//! One inference as it is asked for, whichever wire it came by.

use super::DataType;
use bytes::Bytes;
use std::collections::BTreeMap;
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
    /// 1 is the highest priority, 0 the model's own (Triton's schedule policy).
    pub priority: u64,
    /// How long the answer is worth something.
    pub timeout: Option<Duration>,
    /// Whatever else was said.
    pub parameters: BTreeMap<String, Parameter>,
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

/// Bytes as they came from the socket: pieces that are not put together before they are written where they belong.
#[derive(Clone, Debug, Default)]
pub struct ByteChunks(pub Vec<Bytes>);

impl ByteChunks {
    /// Bytes in all pieces.
    pub fn len(&self) -> usize {
        self.0.iter().map(Bytes::len).sum()
    }

    /// Whether there is no byte.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
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

/// A value of a `parameters` object.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "their names say it")]
pub enum Parameter {
    Bool(bool),
    Int(i64),
    Double(f64),
    Text(String),
}
