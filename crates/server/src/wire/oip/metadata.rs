//! What the server and its models say of themselves, as JSON.

use samovar_service::tensor::{ModelMetadata, PortMetadata, ServerMetadata};
use serde::Serialize;

/// The server.
#[derive(Debug, Serialize)]
pub(crate) struct ServerMetadataBody {
    name: &'static str,
    version: &'static str,
    extensions: Vec<&'static str>,
}

/// A model.
#[derive(Debug, Serialize)]
pub(crate) struct ModelMetadataBody {
    name: String,
    versions: Vec<String>,
    platform: String,
    inputs: Vec<PortBody>,
    outputs: Vec<PortBody>,
}

#[derive(Debug, Serialize)]
struct PortBody {
    name: String,
    datatype: &'static str,
    shape: Vec<i64>,
}

impl From<ServerMetadata> for ServerMetadataBody {
    fn from(ServerMetadata { name, version, extensions }: ServerMetadata) -> Self {
        Self { name, version, extensions }
    }
}

impl From<ModelMetadata> for ModelMetadataBody {
    fn from(ModelMetadata { name, versions, platform, inputs, outputs }: ModelMetadata) -> Self {
        let ports = |ports: Vec<PortMetadata>| ports.into_iter().map(PortBody::from).collect();
        Self { name, versions, platform, inputs: ports(inputs), outputs: ports(outputs) }
    }
}

impl From<PortMetadata> for PortBody {
    fn from(PortMetadata { name, data_type, shape }: PortMetadata) -> Self {
        Self { name, datatype: data_type.name(), shape }
    }
}
