//! The tensors of a request, held against what the graph takes.

use super::{ByteChunks, InputTensor, TensorData};
use crate::ServiceError;
use crate::access::Caller;
use crate::shared_memory::{RegionSpan, SharedMemory};
use samovar_models::{TensorInput, TensorSource};
use samovar_runtime::{Dim, Port, Signature, TaskError};

/// The tensors in the signature's order, each fitting its input.
///
/// # Errors
/// Unknown, missing and doubled names; types, ranks and sizes that are not the graph's; bytes that are not what the shape says;
/// axes of one name with different sizes.
pub(super) fn check_inputs(
    signature: &Signature,
    given: Vec<InputTensor>,
    caller: &Caller,
    shared_memory: &SharedMemory,
) -> Result<Vec<TensorInput>, ServiceError> {
    let mut slots: Vec<Option<TensorInput>> = signature.inputs.iter().map(|_| None).collect();
    let mut axes = NamedAxes::default();
    for tensor in given {
        let index = signature.inputs.iter().position(|port| port.name == tensor.name);
        let index = index.ok_or_else(|| unknown(&tensor.name, signature))?;
        if slots[index].is_some() {
            return Err(ServiceError::invalid(
                "duplicate_input",
                format!("input {} is given twice", quoted(&tensor.name)),
            ));
        }
        slots[index] = Some(check_input(signature, index, tensor, (caller, shared_memory), &mut axes)?);
    }
    signature.inputs.iter().zip(slots).map(|(port, slot)| slot.ok_or_else(|| missing(port))).collect()
}

fn check_input<'a>(
    signature: &'a Signature,
    index: usize,
    tensor: InputTensor,
    (caller, shared_memory): (&Caller, &SharedMemory),
    axes: &mut NamedAxes<'a>,
) -> Result<TensorInput, ServiceError> {
    let port = &signature.inputs[index];
    let (wanted, found) = (port.element.name(), tensor.data_type.name());
    if found != wanted {
        let message = format!("the input `{}` takes {wanted}, {found} was sent", port.name);
        return Err(ServiceError::invalid("invalid_datatype", message));
    }
    let shape = check_shape(port, &tensor.shape, axes)?;
    let bytes = byte_size(&shape, port.element.size_bytes());
    let bytes = bytes.ok_or_else(|| wrong_shape(port, &tensor.shape))?;
    let source: Box<dyn TensorSource> = match tensor.data {
        TensorData::Raw(chunks) => Box::new(Chunks::new(&tensor.name, chunks, bytes)?),
        TensorData::Values(values) => Box::new(Chunks::new(&tensor.name, values.into(), bytes)?),
        TensorData::Shared { region, offset, byte_size } => {
            check_size(&tensor.name, byte_size, bytes)?;
            Box::new(Span(shared_memory.span(caller, &region, offset, byte_size)?))
        }
    };
    Ok(TensorInput { shape, source })
}

fn check_shape<'a>(port: &'a Port, given: &[i64], axes: &mut NamedAxes<'a>) -> Result<Vec<usize>, ServiceError> {
    let mut fits = given.len() == port.dims.len();
    let mut shape = Vec::with_capacity(port.dims.len());
    for (axis, (dim, &size)) in port.dims.iter().zip(given).enumerate() {
        let size = usize::try_from(size).ok().filter(|&size| size > 0 || axis > 0);
        let size = size.filter(|&size| dim.fixed().is_none_or(|fixed| fixed == size) && axes.agree(dim, size));
        fits &= size.is_some();
        shape.push(size.unwrap_or_default());
    }
    if fits { Ok(shape) } else { Err(wrong_shape(port, given)) }
}

/// Sizes of axes that have a name, so far: those of one name go together.
#[derive(Default)]
struct NamedAxes<'a>(Vec<(&'a str, usize)>);

impl<'a> NamedAxes<'a> {
    fn agree(&mut self, dim: &'a Dim, size: usize) -> bool {
        let Dim::Dynamic(Some(name)) = dim else { return true };
        if let Some((_, known)) = self.0.iter().find(|(known, _)| known == name) {
            return *known == size;
        }
        self.0.push((name, size));
        true
    }
}

/// Pieces from a socket that are as long as the shape says.
struct Chunks(ByteChunks);

impl Chunks {
    fn new(name: &str, chunks: ByteChunks, bytes: usize) -> Result<Self, ServiceError> {
        check_size(name, chunks.len() as u64, bytes)?;
        Ok(Self(chunks))
    }
}

impl TensorSource for Chunks {
    fn fill(&self, into: &mut [u8]) -> Result<(), TaskError> {
        let filled = self.0.copy_to(into);
        if filled { Ok(()) } else { Err(TaskError::internal("a tensor was shorter than it had been found")) }
    }
}

/// A part of shared memory, read when the run is about to begin.
struct Span(RegionSpan);

impl TensorSource for Span {
    fn fill(&self, into: &mut [u8]) -> Result<(), TaskError> {
        self.0.read(into).map_err(|error| TaskError::input(error.kind().code(), error.message()))
    }
}

/// None where no memory has so many. A tensor without elements brings no bytes that would bound its other axes, and a graph may well
/// make something of those: together they are no more than a request could fill.
fn byte_size(shape: &[usize], element: usize) -> Option<usize> {
    let others = shape.iter().filter(|&&size| size > 0).try_fold(1_usize, |count, &size| count.checked_mul(size))?;
    if shape.contains(&0) && others > EMPTY_MAX {
        return None;
    }
    let bytes = shape.iter().try_fold(element, |bytes, &size| bytes.checked_mul(size))?;
    (bytes <= isize::MAX as usize).then_some(bytes)
}

/// What the axes that are not 0 of a tensor without elements multiply to.
const EMPTY_MAX: usize = 1 << 20;

fn check_size(name: &str, found: u64, wanted: usize) -> Result<(), ServiceError> {
    if found == wanted as u64 {
        return Ok(());
    }
    let message = format!("input {} has {found} bytes; its shape and type make {wanted}", quoted(name));
    Err(ServiceError::invalid("invalid_data_size", message))
}

fn wrong_shape(port: &Port, shape: &[i64]) -> ServiceError {
    let shown = &shape[..shape.len().min(SHOWN_AXES)];
    let more = if shape.len() > SHOWN_AXES { " …" } else { "" };
    ServiceError::invalid("invalid_shape", format!("the input `{port}` does not take the shape {shown:?}{more}"))
}

/// Axes of a shape that a message shows.
const SHOWN_AXES: usize = 8;

fn unknown(name: &str, signature: &Signature) -> ServiceError {
    let known: Vec<&str> = signature.inputs.iter().map(|port| port.name.as_str()).collect();
    let message = format!("the model has no input {}; it has `{}`", quoted(name), known.join("`, `"));
    ServiceError::invalid("unknown_input", message)
}

fn missing(port: &Port) -> ServiceError {
    ServiceError::invalid("missing_input", format!("the input `{port}` is missing"))
}

/// A name that a caller sent, as much of it as a message can take.
pub(super) fn quoted(name: &str) -> String {
    const SHOWN: usize = 64;
    let shown: String = name.chars().take(SHOWN).collect();
    if shown.len() < name.len() { format!("`{shown}…`") } else { format!("`{shown}`") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tensor_without_elements_has_no_axis_without_end() {
        assert_eq!(byte_size(&[2, 3], 4), Some(24));
        assert_eq!(byte_size(&[], 4), Some(4));
        assert_eq!(byte_size(&[1, 12, 0, 64], 4), Some(0), "as empty states of text models are");
        for shape in [&[1 << 40, 0][..], &[usize::MAX, 0], &[1 << 20, 0, 2], &[0, usize::MAX, 2]] {
            assert_eq!(byte_size(shape, 1), None, "{shape:?}");
        }
        assert_eq!(byte_size(&[usize::MAX, 2], 1), None);
    }
}
