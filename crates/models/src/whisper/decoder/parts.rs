//! Ports by name, and refusals that say what was expected.

use samovar_engine_api::{Dim, ElementType, EngineError, EngineErrorKind, Port, Signature};
use samovar_runtime::ContractError;

/// The input of that name.
///
/// # Errors
/// There is none.
pub(super) fn input(signature: &Signature, name: &str) -> Result<usize, ContractError> {
    find(&signature.inputs, name).ok_or_else(|| missing("input", name, &signature.inputs))
}

/// The output of that name.
///
/// # Errors
/// There is none.
pub(super) fn output(signature: &Signature, name: &str) -> Result<usize, ContractError> {
    find(&signature.outputs, name).ok_or_else(|| missing("output", name, &signature.outputs))
}

/// The place of the port of that name.
pub(super) fn find(ports: &[Port], name: &str) -> Option<usize> {
    ports.iter().position(|port| port.name == name)
}

/// Whether a port of floating-point numbers can have these sizes.
///
/// # Errors
/// It cannot.
pub(super) fn check(port: &Port, sizes: &[Option<usize>]) -> Result<(), ContractError> {
    let fits = |(dim, size): (&Dim, &Option<usize>)| dim.fixed().zip(*size).is_none_or(|(dim, size)| dim == size);
    let is_float = matches!(port.element, ElementType::F32 | ElementType::F16 | ElementType::Bf16);
    if is_float && port.dims.len() == sizes.len() && port.dims.iter().zip(sizes).all(fits) {
        return Ok(());
    }
    let wanted: Vec<String> = sizes.iter().map(|size| size.map_or("?".to_owned(), |size| size.to_string())).collect();
    Err(ContractError(format!("the port `{port}` does not fit the configuration: [{}] is expected", wanted.join(", "))))
}

/// A misuse of a batch, or an output of another shape than the graph's own description says.
pub(super) fn shape_error(message: impl Into<String>) -> EngineError {
    EngineError::new(EngineErrorKind::Shape, message)
}

fn missing(kind: &str, name: &str, ports: &[Port]) -> ContractError {
    let found: Vec<String> = ports.iter().map(|port| format!("`{}`", port.name)).collect();
    ContractError(format!("the decoder has no {kind} `{name}`; it has {}", found.join(", ")))
}
