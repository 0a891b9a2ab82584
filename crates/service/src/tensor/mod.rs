//! Tensors in, tensors out, of any model: what the Open Inference Protocol asks for.

mod data_type;
mod request;
mod response;

pub use data_type::DataType;
pub use request::{ByteChunks, InferRequest, InputTensor, Parameter, TensorData, WantedOutput};
pub use response::{InferResponse, OutputTensor};
