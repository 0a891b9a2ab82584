//! `parameters` objects as JSON.

use samovar_service::tensor::{Parameter, Parameters};
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;

/// A `parameters` object. Null counts as nothing said.
#[derive(Debug, Default)]
pub(crate) struct ParametersBody(pub(crate) Parameters);

#[derive(Deserialize)]
#[serde(untagged)]
enum Value {
    Bool(bool),
    Int(i64),
    /// Too large for a signed number.
    Large(u64),
    Double(f64),
    Text(String),
}

impl<'de> Deserialize<'de> for ParametersBody {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let said: Option<BTreeMap<String, Option<Value>>> = Deserialize::deserialize(deserializer)?;
        let known = said.unwrap_or_default().into_iter().filter_map(|(name, value)| Some((name, value?.into())));
        Ok(Self(known.collect()))
    }
}

impl From<Value> for Parameter {
    fn from(value: Value) -> Self {
        match value {
            Value::Bool(truth) => Self::Bool(truth),
            Value::Int(number) => Self::Int(number),
            Value::Large(number) => Self::Text(number.to_string()),
            Value::Double(number) => Self::Double(number),
            Value::Text(text) => Self::Text(text),
        }
    }
}
