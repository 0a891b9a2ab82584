//! Tensors in, tensors out, of any model: what the Open Inference Protocol asks for.

mod byte_chunks;
mod classes;
mod config;
mod data_type;
mod index;
mod infer;
mod inputs;
mod ledger;
mod log_settings;
mod metadata;
mod observer;
mod options;
mod outputs;
mod parameters;
mod raw_request;
mod request;
mod response;
mod service;
mod statistics;
mod trace_settings;

pub use byte_chunks::{ByteChunks, ByteCollector};
pub use config::{ConfigPort, ModelConfig};
pub use data_type::DataType;
pub use index::IndexEntry;
pub use log_settings::{LogControl, LogHook, LogSettings};
pub use metadata::{EXTENSIONS, ModelMetadata, PortMetadata, ServerMetadata};
pub use observer::TensorObserver;
pub use options::TensorOptions;
pub use parameters::{Parameter, Parameters, shared_range};
pub use request::{InferRequest, InputTensor, TensorData, WantedOutput};
pub use response::{InferResponse, OutputTensor};
pub use service::TensorService;
pub use statistics::{BatchStatistics, ModelStatistics, Share};
pub use trace_settings::TraceSettings;
