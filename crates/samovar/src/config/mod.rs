//! The one TOML file: what may stand in it, how mistakes are told, and the commented example.

mod check;
#[cfg(test)]
mod check_tests;
mod example;
mod file;
mod near;
mod place;
mod rules;
mod schema;
mod versions;

pub use check::check;
pub use example::EXAMPLE;
pub use file::{ConfigFile, MODEL_NAME_RULE, is_model_name};
pub use rules::{parse_bytes, parse_size};
pub use schema::{
    Config, EngineName, FamilyName, ModelSection, OptimizeName, PrecisionName, PreloadFailureName, ServerSection,
    json_schema,
};
pub use versions::VersionsSetting;
