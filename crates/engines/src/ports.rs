//! Checks of asked-for shapes against the ports of a signature; every engine makes them before its library sees a shape.

use samovar_engine_api::{EngineError, EngineErrorKind, Port, Signature};

/// The most bytes that one tensor may take. A request for more is a mistake or an attack, never a picture or a sentence.
pub(crate) const TENSOR_BYTES_MAX: usize = 2 << 30;

/// The port of input `index`, once `shape` has been found to fit it.
///
/// # Errors
/// `Shape` where there is no such input, the rank or a fixed axis differs, or the tensor would pass [`TENSOR_BYTES_MAX`].
pub(crate) fn input_port<'a>(signature: &'a Signature, index: usize, shape: &[usize]) -> Result<&'a Port, EngineError> {
    let port = signature
        .inputs
        .get(index)
        .ok_or_else(|| shape_error(format!("input {index} was asked for, the graph has {}", signature.inputs.len())))?;
    let fits = port.dims.len() == shape.len()
        && port.dims.iter().zip(shape).all(|(dim, &size)| dim.fixed().is_none_or(|fixed| fixed == size));
    if !fits {
        return Err(shape_error(format!("shape {shape:?} does not fit the input {port}")));
    }
    element_count(port, shape).map(|_| port)
}

/// How many elements a tensor of `shape` has at `port`.
///
/// # Errors
/// `Shape` where its bytes would pass [`TENSOR_BYTES_MAX`].
pub(crate) fn element_count(port: &Port, shape: &[usize]) -> Result<usize, EngineError> {
    let count = shape.iter().try_fold(1_usize, |count, &size| count.checked_mul(size));
    count
        .filter(|count| count.checked_mul(port.element.size_bytes()).is_some_and(|bytes| bytes <= TENSOR_BYTES_MAX))
        .ok_or_else(|| shape_error(format!("a tensor of shape {shape:?} at {port} is larger than 2 GiB")))
}

/// Refuses a run while an input has never been asked for: it would read what nobody wrote.
///
/// # Errors
/// `Shape`, naming the input.
pub(crate) fn all_written(signature: &Signature, written: impl Iterator<Item = bool>) -> Result<(), EngineError> {
    match signature.inputs.iter().zip(written).find(|(_, written)| !written) {
        Some((port, _)) => Err(shape_error(format!("the input `{}` was not written before the run", port.name))),
        None => Ok(()),
    }
}

/// Output `index` was asked for, but there is none, or nothing has run yet.
pub(crate) fn no_output(signature: &Signature, index: usize) -> EngineError {
    let message = match signature.outputs.get(index) {
        Some(port) => format!("output `{}` was read before a run", port.name),
        None => format!("output {index} was asked for, the graph has {}", signature.outputs.len()),
    };
    EngineError::new(EngineErrorKind::Run, message)
}

fn shape_error(message: String) -> EngineError {
    EngineError::new(EngineErrorKind::Shape, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use samovar_engine_api::{Dim, ElementType};

    fn images() -> Signature {
        let dims = vec![Dim::Dynamic(Some("batch".into())), Dim::Fixed(3), Dim::Fixed(8)];
        let port = Port { name: "images".into(), element: ElementType::F32, dims };
        Signature { inputs: vec![port], ..Signature::default() }
    }

    #[test]
    fn only_shapes_that_fit_are_taken() {
        assert!(input_port(&images(), 0, &[2, 3, 8]).is_ok());
        for (index, shape) in [(0, vec![2, 3]), (0, vec![2, 4, 8]), (1, vec![2, 3, 8]), (0, vec![usize::MAX, 3, 8])] {
            assert_eq!(input_port(&images(), index, &shape).unwrap_err().kind(), EngineErrorKind::Shape, "{shape:?}");
        }
    }
}
