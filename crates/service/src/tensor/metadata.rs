//! What the server and its models say of themselves.

use super::DataType;
use samovar_runtime::{Generation, Signature};

/// What the server says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerMetadata {
    /// `samovar`.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
    /// The protocol's extensions that it has.
    pub extensions: Vec<&'static str>,
}

/// The protocol's extensions that are always there; `system_shared_memory` comes where it is allowed.
pub const EXTENSIONS: [&str; 10] = [
    "classification",
    "model_repository",
    "model_repository(unload_dependents)",
    "schedule_policy",
    "model_configuration",
    "binary_tensor_data",
    "parameters",
    "statistics",
    "trace",
    "logging",
];

/// What a model says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelMetadata {
    /// Its configured name.
    pub name: String,
    /// The versions that serve: always one. `1` where its folder has no versions.
    pub versions: Vec<String>,
    /// What runs it, as `onnx_rten`.
    pub platform: String,
    /// What goes in.
    pub inputs: Vec<PortMetadata>,
    /// What comes out.
    pub outputs: Vec<PortMetadata>,
}

/// One input or output of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortMetadata {
    /// Its name in the graph.
    pub name: String,
    /// What it holds.
    pub data_type: DataType,
    /// The sizes of its axes, -1 where any will do.
    pub shape: Vec<i64>,
}

impl ModelMetadata {
    pub(super) fn of(generation: &Generation) -> Self {
        let Signature { inputs, outputs, .. } = &generation.signature;
        let port = |name: &str, element: &'static str, shape| PortMetadata {
            name: name.to_owned(),
            data_type: DataType::of_element(element),
            shape,
        };
        Self {
            name: generation.name.to_string(),
            versions: vec![version(generation)],
            platform: format!("onnx_{}", generation.engine),
            inputs: inputs
                .iter()
                .map(|found| port(&found.name, found.element.name(), axes(found.dims.iter().map(|dim| dim.fixed()))))
                .collect(),
            outputs: outputs
                .iter()
                .map(|found| port(&found.name, found.element.name(), axes(found.dims.iter().map(|dim| dim.fixed()))))
                .collect(),
        }
    }
}

/// The version that a generation serves, as the protocol's clients read it: a number.
pub(super) fn version(generation: &Generation) -> String {
    generation.version.unwrap_or(1).to_string()
}

fn axes(sizes: impl Iterator<Item = Option<usize>>) -> Vec<i64> {
    sizes.map(|size| size.and_then(|size| i64::try_from(size).ok()).unwrap_or(-1)).collect()
}
