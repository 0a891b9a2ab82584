//! Samovar's views of OpenVINO's tensors: the same memory, typed and shaped.

use half::{bf16, f16};
use openvino::{InferenceError, PartialShape, Shape, Tensor};
use samovar_engine_api::{ElementType, EngineError, EngineErrorKind, TensorMut, TensorRef};
use std::mem::ManuallyDrop;

/// Gives a request's own tensor a shape. It grows where it must and keeps its memory otherwise.
///
/// # Errors
/// `Shape` where OpenVINO refuses.
pub(crate) fn reshape(tensor: &mut Tensor, element: ElementType, shape: &[usize]) -> Result<(), EngineError> {
    let failed = |error: InferenceError| {
        EngineError::new(EngineErrorKind::Shape, format!("OpenVINO takes no shape {shape:?}: {error}"))
    };
    if shape_of(tensor)? == shape {
        return Ok(());
    }
    let wanted = Shape::new(&signed(shape)?).map_err(failed)?;
    // The binding answers with a second owner of the same tensor; dropping it would free the tensor under the first.
    let _same_tensor = ManuallyDrop::new(tensor.set_shape(&wanted).map_err(failed)?);
    if element == ElementType::Bool && !shape.contains(&0) {
        // Fresh memory may hold bytes that are no bool.
        tensor.get_raw_data_mut().map_err(failed)?.fill(0);
    }
    Ok(())
}

/// A shape for the model's compiler.
///
/// # Errors
/// `Shape` where an axis passes `i64`.
pub(crate) fn partial_shape(shape: &[usize]) -> Result<PartialShape, EngineError> {
    PartialShape::new_static(shape.len() as i64, &signed(shape)?).map_err(|error| access_error(&error))
}

macro_rules! views {
    ($($variant:ident, $rust:ty);* $(;)?) => {
        /// Lends the tensor's memory, which has `shape`.
        pub(crate) fn write<'a>(tensor: &'a mut Tensor, element: ElementType, shape: &[usize]) -> Result<TensorMut<'a>, EngineError> {
            let is_empty = shape.contains(&0);
            Ok(match element { $(ElementType::$variant => {
                let data: &mut [$rust] = if is_empty { &mut [] } else { tensor.get_data_mut().map_err(|error| access_error(&error))? };
                TensorMut::from((shape, data))
            })* })
        }

        /// Reads the tensor in place.
        pub(crate) fn read(tensor: &Tensor, element: ElementType) -> Result<TensorRef<'_>, EngineError> {
            let shape = shape_of(tensor)?;
            let is_empty = shape.contains(&0);
            Ok(match element { $(ElementType::$variant => {
                let data: &[$rust] = if is_empty { &[] } else { tensor.get_data().map_err(|error| access_error(&error))? };
                TensorRef::from((&shape[..], data))
            })* })
        }
    };
}

views! {
    Bool, bool;
    U8, u8;
    I8, i8;
    U16, u16;
    I16, i16;
    U32, u32;
    I32, i32;
    U64, u64;
    I64, i64;
    F16, f16;
    Bf16, bf16;
    F32, f32;
    F64, f64;
}

/// The C interface makes no shape without axes, and so fails to tell that of a scalar.
fn shape_of(tensor: &Tensor) -> Result<Vec<usize>, EngineError> {
    let shape = match tensor.get_shape() {
        Err(_) if tensor.get_size() == Ok(1) => return Ok(Vec::new()),
        shape => shape.map_err(|error| access_error(&error))?,
    };
    Ok(shape.get_dimensions().iter().map(|&size| usize::try_from(size).unwrap_or(0)).collect())
}

fn signed(shape: &[usize]) -> Result<Vec<i64>, EngineError> {
    let sizes = shape.iter().map(|&size| i64::try_from(size)).collect::<Result<_, _>>();
    sizes.map_err(|_| EngineError::new(EngineErrorKind::Shape, format!("the shape {shape:?} is too large")))
}

fn access_error(error: &InferenceError) -> EngineError {
    EngineError::new(EngineErrorKind::Run, format!("OpenVINO does not give access to a tensor: {error}"))
}
