//! Elements as bytes and back, little-endian as the protocols have them.

use super::output_buffers::OutputBuffers;
use crate::TensorSource;
use bytemuck::{cast_slice, cast_slice_mut};
use bytes::Bytes;
use half::{bf16, f16};
use samovar_engine_api::{Element, ElementType, TensorMut, TensorRef};
use samovar_runtime::TaskError;

#[cfg(target_endian = "big")]
compile_error!("tensors are carried little-endian, and their bytes are taken as they lie in memory");

/// Fills `tensor` from `source`: one copy, from where the bytes came to the engine's own memory.
pub(super) fn fill(tensor: TensorMut<'_>, source: &dyn TensorSource) -> Result<(), TaskError> {
    match tensor.element() {
        ElementType::Bool => fill_bools(tensor.into_slice()?, source),
        ElementType::U8 => fill_plain::<u8>(tensor, source),
        ElementType::I8 => fill_plain::<i8>(tensor, source),
        ElementType::U16 => fill_plain::<u16>(tensor, source),
        ElementType::I16 => fill_plain::<i16>(tensor, source),
        ElementType::U32 => fill_plain::<u32>(tensor, source),
        ElementType::I32 => fill_plain::<i32>(tensor, source),
        ElementType::U64 => fill_plain::<u64>(tensor, source),
        ElementType::I64 => fill_plain::<i64>(tensor, source),
        ElementType::F16 => fill_plain::<f16>(tensor, source),
        ElementType::Bf16 => fill_plain::<bf16>(tensor, source),
        ElementType::F32 => fill_plain::<f32>(tensor, source),
        ElementType::F64 => fill_plain::<f64>(tensor, source),
    }
}

/// The bytes of `tensor`, copied out of the engine's memory.
pub(super) fn copy(tensor: &TensorRef<'_>, buffers: &OutputBuffers) -> Result<Bytes, TaskError> {
    Ok(match tensor.element() {
        ElementType::Bool => copy_plain::<bool>(tensor, buffers)?,
        ElementType::U8 => copy_plain::<u8>(tensor, buffers)?,
        ElementType::I8 => copy_plain::<i8>(tensor, buffers)?,
        ElementType::U16 => copy_plain::<u16>(tensor, buffers)?,
        ElementType::I16 => copy_plain::<i16>(tensor, buffers)?,
        ElementType::U32 => copy_plain::<u32>(tensor, buffers)?,
        ElementType::I32 => copy_plain::<i32>(tensor, buffers)?,
        ElementType::U64 => copy_plain::<u64>(tensor, buffers)?,
        ElementType::I64 => copy_plain::<i64>(tensor, buffers)?,
        ElementType::F16 => copy_plain::<f16>(tensor, buffers)?,
        ElementType::Bf16 => copy_plain::<bf16>(tensor, buffers)?,
        ElementType::F32 => copy_plain::<f32>(tensor, buffers)?,
        ElementType::F64 => copy_plain::<f64>(tensor, buffers)?,
    })
}

fn fill_plain<T: Element + bytemuck::Pod>(tensor: TensorMut<'_>, source: &dyn TensorSource) -> Result<(), TaskError> {
    source.fill(cast_slice_mut(tensor.into_slice::<T>()?))
}

/// A byte that is neither 0 nor 1 is no `bool`: what is not 0 counts as true.
fn fill_bools(bools: &mut [bool], source: &dyn TensorSource) -> Result<(), TaskError> {
    let mut bytes = vec![0; bools.len()];
    source.fill(&mut bytes)?;
    bools.iter_mut().zip(bytes).for_each(|(bool, byte)| *bool = byte != 0);
    Ok(())
}

fn copy_plain<T: Element + bytemuck::NoUninit>(
    tensor: &TensorRef<'_>,
    buffers: &OutputBuffers,
) -> Result<Bytes, TaskError> {
    Ok(buffers.copy(cast_slice(tensor.as_slice::<T>()?)))
}
