//! The one TOML file: what may stand in it, how mistakes are told, and the commented example.

mod addition_rules;
mod anomaly_options;
mod check;
#[cfg(test)]
mod check_tests;
mod example;
mod file;
mod job_rules;
mod key_rules;
mod live_rules;
mod near;
mod place;
mod rules;
mod schedule;
mod schema;
mod service_rules;
mod speech_rules;
mod versions;

pub use anomaly_options::anomaly_options;
pub use check::check;
pub use example::EXAMPLE;
pub use file::{ConfigFile, MODEL_NAME_RULE, is_model_name};
pub use key_rules::key_spec;
pub use near::nearest;
pub use rules::{parse_bytes, parse_size};
pub use schema::{
    AnomalySection, CallAudioName, Config, EngineName, EventName, FamilyName, KeySection, ModelSection, OptimizeName,
    PairSection, PipelineName, PoolingName, PrecisionName, PreloadFailureName, ServerSection, SourceSection,
    WebhookSection, json_schema,
};
pub use versions::VersionsSetting;
