//! A model's configuration as Triton's `ModelConfig` in JSON.

use samovar_service::tensor::{ConfigPort, DataType, ModelConfig};
use serde::Serialize;
use std::collections::BTreeMap;

/// A model's configuration.
#[derive(Debug, Serialize)]
pub(crate) struct ConfigBody {
    name: String,
    platform: String,
    backend: String,
    version_policy: VersionPolicy,
    max_batch_size: usize,
    input: Vec<PortBody>,
    output: Vec<PortBody>,
    instance_group: [InstanceGroup; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    dynamic_batching: Option<DynamicBatching>,
    default_model_filename: &'static str,
    parameters: BTreeMap<String, String>,
    model_transaction_policy: TransactionPolicy,
}

#[derive(Debug, Serialize)]
struct VersionPolicy {
    specific: Versions,
}

#[derive(Debug, Serialize)]
struct Versions {
    versions: Vec<u64>,
}

#[derive(Debug, Serialize)]
struct PortBody {
    name: String,
    data_type: String,
    format: &'static str,
    dims: Vec<i64>,
    is_shape_tensor: bool,
    allow_ragged_batch: bool,
    optional: bool,
}

#[derive(Debug, Serialize)]
struct InstanceGroup {
    name: String,
    kind: &'static str,
    count: usize,
    gpus: Vec<u32>,
}

#[derive(Debug, Serialize)]
struct DynamicBatching {
    preferred_batch_size: Vec<usize>,
    max_queue_delay_microseconds: u64,
    priority_levels: u32,
    default_priority_level: u32,
}

#[derive(Debug, Serialize)]
struct TransactionPolicy {
    decoupled: bool,
}

impl From<ModelConfig> for ConfigBody {
    fn from(config: ModelConfig) -> Self {
        let ports = |ports: Vec<ConfigPort>| ports.into_iter().map(PortBody::from).collect();
        let kind = if config.gpu { "KIND_GPU" } else { "KIND_CPU" };
        let dynamic_batching = (config.max_batch_size > 0).then(|| DynamicBatching {
            preferred_batch_size: vec![config.shared_rows_max],
            max_queue_delay_microseconds: 0,
            priority_levels: config.priority_levels,
            default_priority_level: 1,
        });
        Self {
            instance_group: [InstanceGroup {
                name: config.name.clone(),
                kind,
                count: config.instances,
                gpus: Vec::new(),
            }],
            name: config.name,
            platform: config.platform,
            backend: config.backend,
            version_policy: VersionPolicy {
                specific: Versions { versions: config.version.parse().into_iter().collect() },
            },
            max_batch_size: config.max_batch_size,
            input: ports(config.inputs),
            output: ports(config.outputs),
            dynamic_batching,
            default_model_filename: "",
            parameters: BTreeMap::new(),
            model_transaction_policy: TransactionPolicy { decoupled: false },
        }
    }
}

impl From<ConfigPort> for PortBody {
    fn from(ConfigPort { name, data_type, dims }: ConfigPort) -> Self {
        let data_type = match data_type {
            DataType::Bytes => "TYPE_STRING".to_owned(),
            other => format!("TYPE_{}", other.name()),
        };
        Self {
            name,
            data_type,
            format: "FORMAT_NONE",
            dims,
            is_shape_tensor: false,
            allow_ragged_batch: false,
            optional: false,
        }
    }
}
