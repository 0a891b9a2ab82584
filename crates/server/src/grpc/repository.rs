//! Models as a repository's list, and the shared memory that callers have registered, as messages.

use super::messages::inference::model_repository_parameter::ParameterChoice;
use super::messages::inference::repository_index_response::ModelIndex;
use super::messages::inference::system_shared_memory_status_response::RegionStatus as RegionMessage;
use super::messages::inference::{ModelRepositoryParameter, RepositoryIndexResponse, SystemSharedMemoryStatusResponse};
use samovar_service::shared_memory::RegionStatus;
use samovar_service::tensor::{IndexEntry, Parameter, Parameters};
use std::collections::HashMap;

/// The model that is to be loaded or unloaded. Triton's clients name it in the second field, KServe's in the first.
pub(super) fn model_name(first: String, second: String) -> String {
    if second.is_empty() { first } else { second }
}

/// What a load brings along. Files that are sent have no form of their own: that there are any is enough to refuse them.
pub(super) fn parameters(parameters: HashMap<String, ModelRepositoryParameter>) -> Parameters {
    let value = |choice| match choice {
        ParameterChoice::BoolParam(truth) => Parameter::Bool(truth),
        ParameterChoice::Int64Param(number) => Parameter::Int(number),
        ParameterChoice::StringParam(text) => Parameter::Text(text),
        ParameterChoice::BytesParam(_) => Parameter::Text(String::new()),
    };
    let said = parameters.into_iter().filter_map(|(name, parameter)| Some((name, parameter.parameter_choice?)));
    said.map(|(name, choice)| (name, value(choice))).collect()
}

impl From<Vec<IndexEntry>> for RepositoryIndexResponse {
    fn from(entries: Vec<IndexEntry>) -> Self {
        let model = |entry: IndexEntry| ModelIndex {
            name: entry.name,
            version: entry.version,
            state: entry.state.to_owned(),
            reason: entry.reason,
        };
        Self { models: entries.into_iter().map(model).collect() }
    }
}

impl From<Vec<RegionStatus>> for SystemSharedMemoryStatusResponse {
    fn from(regions: Vec<RegionStatus>) -> Self {
        let region = |RegionStatus { name, key, offset, byte_size }| {
            (name.clone(), RegionMessage { name, key, offset, byte_size })
        };
        Self { regions: regions.into_iter().map(region).collect() }
    }
}
