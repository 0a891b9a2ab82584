//! What `parameters` objects may say, of requests, inputs and outputs, whichever wire they came by.

use super::{InferRequest, WantedOutput};
use crate::{ServiceError, ServiceErrorKind};
use std::collections::BTreeMap;
use std::time::Duration;

/// A `parameters` object.
pub type Parameters = BTreeMap<String, Parameter>;

/// A value of a `parameters` object.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "their names say it")]
pub enum Parameter {
    Bool(bool),
    Int(i64),
    Double(f64),
    Text(String),
}

impl InferRequest {
    /// Takes what a request's own `parameters` say: `priority`, `timeout` (in µs), and whatever else, which stays to be read.
    ///
    /// # Errors
    /// Values of another type, sequences (no model keeps state between requests), and keys that the protocol has reserved.
    pub fn take_parameters(&mut self, parameters: Parameters) -> Result<(), ServiceError> {
        self.priority = whole_number(&parameters, "priority")?.unwrap_or(0);
        self.timeout = whole_number(&parameters, "timeout")?.filter(|&micros| micros > 0).map(Duration::from_micros);
        refuse_sequence(&parameters)?;
        let reserved = |key: &String| key.starts_with("triton_") && key != "triton_enable_empty_final_response";
        if parameters.keys().any(reserved) {
            return Err(wrong("parameters that begin with `triton_` are reserved"));
        }
        self.parameters = parameters;
        Ok(())
    }
}

impl WantedOutput {
    /// The output of that name, as its `parameters` want it.
    ///
    /// # Errors
    /// Values of another type, `classification` together with shared memory.
    pub fn new(name: String, parameters: &Parameters) -> Result<Self, ServiceError> {
        let classes = whole_number(parameters, "classification")?;
        let classes =
            classes.map(|classes| usize::try_from(classes).unwrap_or(usize::MAX)).filter(|&classes| classes > 0);
        if classes.is_some_and(|classes| classes > CLASSES_MAX) {
            return Err(wrong(format!("`classification` is at most {CLASSES_MAX}; ask for the tensor itself")));
        }
        let shared = shared_range(parameters)?;
        if classes.is_some() && shared.is_some() {
            return Err(wrong("classes cannot be written to shared memory"));
        }
        Ok(Self { name, classes, shared, binary: truth(parameters, "binary_data")? })
    }
}

/// Classes of one row: each takes a text of its own.
const CLASSES_MAX: usize = 10_000;

/// The region, offset and bytes of shared memory that `parameters` name; none where they name none.
///
/// # Errors
/// A region without a size, and values of another type.
pub fn shared_range(parameters: &Parameters) -> Result<Option<(String, u64, u64)>, ServiceError> {
    let region = match parameters.get("shared_memory_region") {
        None => return Ok(None),
        Some(Parameter::Text(region)) => region.clone(),
        Some(_) => return Err(wrong("`shared_memory_region` is a name")),
    };
    let offset = whole_number(parameters, "shared_memory_offset")?.unwrap_or(0);
    let byte_size = whole_number(parameters, "shared_memory_byte_size")?;
    let byte_size = byte_size.ok_or_else(|| wrong("`shared_memory_region` needs `shared_memory_byte_size`"))?;
    Ok(Some((region, offset, byte_size)))
}

/// A number that is not negative.
///
/// # Errors
/// Anything else.
pub(super) fn whole_number(parameters: &Parameters, key: &'static str) -> Result<Option<u64>, ServiceError> {
    let number = match parameters.get(key) {
        None => return Ok(None),
        Some(Parameter::Int(number)) => u64::try_from(*number).ok(),
        Some(Parameter::Text(number)) => number.parse().ok(),
        Some(_) => None,
    };
    number.map(Some).ok_or_else(|| wrong(format!("`{key}` is a whole number that is not negative")))
}

/// Yes or no.
///
/// # Errors
/// Anything else.
pub(super) fn truth(parameters: &Parameters, key: &'static str) -> Result<Option<bool>, ServiceError> {
    match parameters.get(key) {
        None => Ok(None),
        Some(Parameter::Bool(truth)) => Ok(Some(*truth)),
        Some(_) => Err(wrong(format!("`{key}` is true or false"))),
    }
}

/// A sequence of 0 or of an empty name is none, as clients send it.
fn refuse_sequence(parameters: &Parameters) -> Result<(), ServiceError> {
    let none = match parameters.get("sequence_id") {
        None | Some(Parameter::Int(0)) => true,
        Some(Parameter::Text(name)) => name.is_empty() || name == "0",
        Some(_) => false,
    };
    if none {
        return Ok(());
    }
    let kind = ServiceErrorKind::Unsupported { code: "sequence_unsupported" };
    let message = "no model keeps state between tensor requests; send state as tensors, or use the model's own stream";
    Err(ServiceError::new(kind, message))
}

fn wrong(message: impl Into<std::borrow::Cow<'static, str>>) -> ServiceError {
    ServiceError::invalid("invalid_parameter", message)
}
