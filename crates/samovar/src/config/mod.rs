//! The one TOML file: what may stand in it, how mistakes are told, and the commented example.

mod check;
#[cfg(test)]
mod check_tests;
mod example;
mod file;
mod place;
mod rules;
mod schema;

pub use check::check;
pub use example::EXAMPLE;
pub use file::{ConfigFile, MODEL_NAME_RULE, is_model_name};
pub use rules::parse_size;
pub use schema::{Config, EngineName, FamilyName, ModelSection, PrecisionName, ServerSection, json_schema};
