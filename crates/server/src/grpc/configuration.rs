//! What the server and its models say of themselves, as messages.

use super::messages::inference::model_config::SchedulingChoice;
use super::messages::inference::model_instance_group::Kind;
use super::messages::inference::model_metadata_response::TensorMetadata;
use super::messages::inference::model_version_policy::{Latest, PolicyChoice};
use super::messages::inference::{
    DataType as TypeMessage, ModelConfig as ConfigMessage, ModelConfigResponse, ModelDynamicBatching, ModelInput,
    ModelInstanceGroup, ModelMetadataResponse, ModelOutput, ModelTransactionPolicy, ModelVersionPolicy,
    ServerMetadataResponse,
};
use samovar_service::tensor::{ConfigPort, DataType, ModelConfig, ModelMetadata, PortMetadata, ServerMetadata};

impl From<ServerMetadata> for ServerMetadataResponse {
    fn from(server: ServerMetadata) -> Self {
        Self {
            name: server.name.to_owned(),
            version: server.version.to_owned(),
            extensions: server.extensions.into_iter().map(str::to_owned).collect(),
        }
    }
}

impl From<ModelMetadata> for ModelMetadataResponse {
    fn from(model: ModelMetadata) -> Self {
        let tensors = |ports: Vec<PortMetadata>| ports.into_iter().map(TensorMetadata::from).collect();
        Self {
            name: model.name,
            versions: model.versions,
            platform: model.platform,
            inputs: tensors(model.inputs),
            outputs: tensors(model.outputs),
        }
    }
}

impl From<PortMetadata> for TensorMetadata {
    fn from(port: PortMetadata) -> Self {
        Self { name: port.name, datatype: port.data_type.name().to_owned(), shape: port.shape }
    }
}

impl From<ModelConfig> for ModelConfigResponse {
    fn from(model: ModelConfig) -> Self {
        let batching = batching(&model);
        let kind = if model.gpu { Kind::Gpu } else { Kind::Cpu };
        let instances = ModelInstanceGroup {
            name: format!("{}_0", model.name),
            kind: kind.into(),
            count: whole(model.instances),
            ..ModelInstanceGroup::default()
        };
        let latest = PolicyChoice::Latest(Latest { num_versions: 1 });
        let config = ConfigMessage {
            name: model.name,
            platform: model.platform,
            backend: model.backend,
            version_policy: Some(ModelVersionPolicy { policy_choice: Some(latest) }),
            max_batch_size: whole(model.max_batch_size),
            input: model.inputs.into_iter().map(ModelInput::from).collect(),
            output: model.outputs.into_iter().map(ModelOutput::from).collect(),
            scheduling_choice: batching.map(SchedulingChoice::DynamicBatching),
            instance_group: vec![instances],
            model_transaction_policy: Some(ModelTransactionPolicy { decoupled: false }),
            ..ConfigMessage::default()
        };
        Self { config: Some(config) }
    }
}

/// Requests of others join a run where it takes more than one row.
fn batching(model: &ModelConfig) -> Option<ModelDynamicBatching> {
    let preferred = || ModelDynamicBatching {
        preferred_batch_size: vec![whole(model.shared_rows_max)],
        priority_levels: model.priority_levels.into(),
        ..ModelDynamicBatching::default()
    };
    (model.shared_rows_max > 1).then(preferred)
}

impl From<ConfigPort> for ModelInput {
    fn from(port: ConfigPort) -> Self {
        let data_type = TypeMessage::from(port.data_type).into();
        Self { name: port.name, data_type, dims: port.dims, ..Self::default() }
    }
}

impl From<ConfigPort> for ModelOutput {
    fn from(port: ConfigPort) -> Self {
        let data_type = TypeMessage::from(port.data_type).into();
        Self { name: port.name, data_type, dims: port.dims, ..Self::default() }
    }
}

impl From<DataType> for TypeMessage {
    fn from(data_type: DataType) -> Self {
        match data_type {
            DataType::Bool => Self::TypeBool,
            DataType::Uint8 => Self::TypeUint8,
            DataType::Uint16 => Self::TypeUint16,
            DataType::Uint32 => Self::TypeUint32,
            DataType::Uint64 => Self::TypeUint64,
            DataType::Int8 => Self::TypeInt8,
            DataType::Int16 => Self::TypeInt16,
            DataType::Int32 => Self::TypeInt32,
            DataType::Int64 => Self::TypeInt64,
            DataType::Fp16 => Self::TypeFp16,
            DataType::Bf16 => Self::TypeBf16,
            DataType::Fp32 => Self::TypeFp32,
            DataType::Fp64 => Self::TypeFp64,
            DataType::Bytes => Self::TypeString,
        }
    }
}

fn whole(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}
