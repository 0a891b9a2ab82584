//! Tensors of keys and values as bytes: they are moved, never looked at.

use bytemuck::{cast_slice, cast_slice_mut};
use half::{bf16, f16};
use samovar_engine_api::{ElementType, EngineError, TensorMut, TensorRef};

/// The bytes of a tensor of floating-point numbers.
///
/// # Errors
/// Elements of another type.
pub(super) fn read<'a>(tensor: &TensorRef<'a>) -> Result<&'a [u8], EngineError> {
    Ok(match tensor.element() {
        ElementType::F16 => cast_slice(tensor.as_slice::<f16>()?),
        ElementType::Bf16 => cast_slice(tensor.as_slice::<bf16>()?),
        _ => cast_slice(tensor.as_slice::<f32>()?),
    })
}

/// The bytes of a tensor of floating-point numbers, to be written.
///
/// # Errors
/// Elements of another type.
pub(super) fn write(tensor: TensorMut<'_>) -> Result<&mut [u8], EngineError> {
    Ok(match tensor.element() {
        ElementType::F16 => cast_slice_mut(tensor.into_slice::<f16>()?),
        ElementType::Bf16 => cast_slice_mut(tensor.into_slice::<bf16>()?),
        _ => cast_slice_mut(tensor.into_slice::<f32>()?),
    })
}

/// Gives each row of `bytes`, `row` bytes long, what the row in `sources` had; only rows that change are moved, by way of `scratch`.
pub(super) fn gather_rows(bytes: &mut [u8], row: usize, sources: &[usize], scratch: &mut Vec<u8>) {
    scratch.clear();
    let moved = || sources.iter().enumerate().filter(|(to, from)| to != *from);
    moved().for_each(|(_, from)| scratch.extend_from_slice(&bytes[from * row..(from + 1) * row]));
    for ((to, _), held) in moved().zip(scratch.chunks_exact(row.max(1))) {
        bytes[to * row..(to + 1) * row].copy_from_slice(held);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_change_places_and_multiply() {
        let mut bytes = [1, 1, 2, 2, 3, 3];
        let mut scratch = Vec::new();
        gather_rows(&mut bytes, 2, &[1, 0, 0], &mut scratch);
        assert_eq!(bytes, [2, 2, 1, 1, 1, 1]);
        gather_rows(&mut bytes, 2, &[2], &mut scratch);
        assert_eq!(bytes, [1, 1, 1, 1, 1, 1]);
    }
}
