//! A model's configuration in the protocol's own words, as far as Samovar has what they mean.

use super::DataType;
use super::metadata::{ModelMetadata, PortMetadata};
use samovar_models::FamilyKind;
use samovar_runtime::{Dim, Generation};

/// A model's configuration, as Triton's `ModelConfig` has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelConfig {
    /// Its configured name.
    pub name: String,
    /// What runs it, as `onnx_rten`.
    pub platform: String,
    /// The engine.
    pub backend: String,
    /// The version that serves.
    pub version: String,
    /// Rows that one request may have; 0 where the first axis is not a batch. Where it is, `inputs` and `outputs` leave it out.
    pub max_batch_size: usize,
    /// What goes in.
    pub inputs: Vec<ConfigPort>,
    /// What comes out.
    pub outputs: Vec<ConfigPort>,
    /// Runs at the same time.
    pub instances: usize,
    /// Rows of different requests that one run takes at most; 1: requests run one by one.
    pub shared_rows_max: usize,
    /// Levels of priority: 1 goes before 2.
    pub priority_levels: u32,
    /// Whether it is on a graphics card.
    pub gpu: bool,
}

/// One input or output of a model's configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigPort {
    /// Its name in the graph.
    pub name: String,
    /// What it holds.
    pub data_type: DataType,
    /// The sizes of its axes without the batch, -1 where any will do.
    pub dims: Vec<i64>,
}

/// Rows of one request that are promised for a graph of any kind; what limits them is the size of the request.
const ROWS_MAX: usize = 128;

impl ModelConfig {
    pub(super) fn of(generation: &Generation, gpu: bool) -> Self {
        let ModelMetadata { name, mut versions, platform, inputs, outputs } = ModelMetadata::of(generation);
        let max_batch_size = if !takes_batches(generation) {
            0
        } else if generation.family.name() == FamilyKind::Tensor.name() {
            ROWS_MAX
        } else {
            generation.family.batch_max()
        };
        let skip = usize::from(max_batch_size > 0);
        let ports = |ports: Vec<PortMetadata>| ports.into_iter().map(|port| ConfigPort::new(port, skip)).collect();
        Self {
            name,
            platform,
            backend: generation.engine.to_owned(),
            version: versions.pop().unwrap_or_default(),
            max_batch_size,
            inputs: ports(inputs),
            outputs: ports(outputs),
            instances: generation.slots,
            shared_rows_max: generation.batch_max(),
            priority_levels: 2,
            gpu,
        }
    }
}

impl ConfigPort {
    fn new(port: PortMetadata, skip: usize) -> Self {
        Self { name: port.name, data_type: port.data_type, dims: port.shape.into_iter().skip(skip).collect() }
    }
}

/// Whether the first axis of everything that goes in and comes out is a batch, so that a request has as many rows as that is long.
pub(super) fn takes_batches(generation: &Generation) -> bool {
    let signature = &generation.signature;
    let mut ports = signature.inputs.iter().chain(&signature.outputs);
    generation.family.batch_max() > 1 && ports.all(|port| matches!(port.dims.first(), Some(Dim::Dynamic(_))))
}
