//! A row of an output as 32-bit floats, whichever width it comes in.

use half::f16;
use half::slice::HalfFloatSliceExt;
use samovar_engine_api::{ElementType, EngineError, TensorRef};
use std::borrow::Cow;

/// In place where they are 32 bits wide, converted where they are 16.
///
/// # Errors
/// Elements of another type.
pub(crate) fn floats<'a>(row: &TensorRef<'a>) -> Result<Cow<'a, [f32]>, EngineError> {
    Ok(match row.element() {
        ElementType::F16 => Cow::Owned(row.as_slice::<f16>()?.to_f32_vec()),
        _ => Cow::Borrowed(row.as_slice::<f32>()?),
    })
}
