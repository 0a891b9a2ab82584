//! Between Samovar's element types and the four that rten computes in: `f32`, `i32`, `i8` and `u8`.
//!
//! Wider and narrower types of a file become one of them inside rten (`i64` → `i32`, `f16` → `f32`); the signature keeps the
//! file's types, so inputs and outputs are converted at the edge.

use crate::host_tensor::{HostData, HostTensor};
use half::slice::HalfFloatSliceExt;
use rten::{Value, ValueOrView, ValueView};
use rten_tensor::{AsView, Layout, TensorView};
use samovar_engine_api::{ElementType, EngineError, EngineErrorKind, TensorRef};

/// What rten takes in place of `element`; none where it takes it as it is.
pub(crate) fn native_of(element: ElementType) -> Option<ElementType> {
    match element {
        ElementType::F32 | ElementType::I32 | ElementType::I8 | ElementType::U8 => None,
        ElementType::F16 | ElementType::Bf16 | ElementType::F64 => Some(ElementType::F32),
        _ => Some(ElementType::I32),
    }
}

/// Writes `lent` into `native`, whose type is [`native_of`] its own. Integers that do not fit are clamped, as rten does with
/// the constants of a file.
pub(crate) fn to_native(lent: &HostTensor, native: &mut HostTensor) {
    native.reshape(lent.shape());
    match (lent.data(), native.data_mut()) {
        (HostData::F16(from), HostData::F32(to)) => from.convert_to_f32_slice(to),
        (HostData::Bf16(from), HostData::F32(to)) => from.convert_to_f32_slice(to),
        (HostData::F64(from), HostData::F32(to)) => each(from, to, |value| value as f32),
        (HostData::I64(from), HostData::I32(to)) => each(from, to, |value| clamp(value.into())),
        (HostData::U64(from), HostData::I32(to)) => each(from, to, |value| clamp(value.into())),
        (HostData::U32(from), HostData::I32(to)) => each(from, to, |value| clamp(value.into())),
        (HostData::I16(from), HostData::I32(to)) => each(from, to, i32::from),
        (HostData::U16(from), HostData::I32(to)) => each(from, to, i32::from),
        (HostData::Bool(from), HostData::I32(to)) => each(from, to, i32::from),
        _ => {}
    }
}

/// Lends a tensor of a native type to rten.
pub(crate) fn view(tensor: &HostTensor) -> Result<ValueOrView<'_>, EngineError> {
    let shape = tensor.shape();
    let value = match tensor.data() {
        HostData::F32(data) => TensorView::try_from_data(shape, &data[..]).ok().map(ValueView::from),
        HostData::I32(data) => TensorView::try_from_data(shape, &data[..]).ok().map(ValueView::from),
        HostData::I8(data) => TensorView::try_from_data(shape, &data[..]).ok().map(ValueView::from),
        HostData::U8(data) => TensorView::try_from_data(shape, &data[..]).ok().map(ValueView::from),
        _ => None,
    };
    let value = value
        .ok_or_else(|| EngineError::new(EngineErrorKind::Shape, format!("rten takes no tensor of shape {shape:?}")))?;
    Ok(ValueOrView::View(value))
}

/// Reads a value in place. An error where its elements do not lie side by side.
pub(crate) fn read(value: &Value) -> Result<TensorRef<'_>, EngineError> {
    let tensor = match value {
        Value::FloatTensor(tensor) => tensor.data().map(|data| TensorRef::from((tensor.shape(), data))),
        Value::Int32Tensor(tensor) => tensor.data().map(|data| TensorRef::from((tensor.shape(), data))),
        Value::Int8Tensor(tensor) => tensor.data().map(|data| TensorRef::from((tensor.shape(), data))),
        Value::UInt8Tensor(tensor) => tensor.data().map(|data| TensorRef::from((tensor.shape(), data))),
        _ => None,
    };
    tensor.ok_or_else(|| EngineError::new(EngineErrorKind::Unsupported, "an output is no dense tensor"))
}

/// Copies a value into a tensor of the signature's type.
pub(crate) fn from_native(value: &Value, element: ElementType) -> Result<HostTensor, EngineError> {
    let mut tensor = HostTensor::empty(element);
    match value {
        Value::FloatTensor(from) => {
            tensor.reshape(from.shape());
            store(from.iter().copied().map(f64::from), &mut tensor);
        }
        Value::Int32Tensor(from) => {
            tensor.reshape(from.shape());
            store(from.iter().copied().map(f64::from), &mut tensor);
        }
        Value::Int8Tensor(from) => {
            tensor.reshape(from.shape());
            store(from.iter().copied().map(f64::from), &mut tensor);
        }
        Value::UInt8Tensor(from) => {
            tensor.reshape(from.shape());
            store(from.iter().copied().map(f64::from), &mut tensor);
        }
        _ => return Err(EngineError::new(EngineErrorKind::Unsupported, "an output is no tensor")),
    }
    Ok(tensor)
}

/// Every native value fits into `f64` without loss.
fn store(from: impl Iterator<Item = f64>, to: &mut HostTensor) {
    match to.data_mut() {
        HostData::Bool(to) => to.iter_mut().zip(from).for_each(|(to, value)| *to = value != 0.0),
        HostData::U8(to) => to.iter_mut().zip(from).for_each(|(to, value)| *to = value as u8),
        HostData::I8(to) => to.iter_mut().zip(from).for_each(|(to, value)| *to = value as i8),
        HostData::U16(to) => to.iter_mut().zip(from).for_each(|(to, value)| *to = value as u16),
        HostData::I16(to) => to.iter_mut().zip(from).for_each(|(to, value)| *to = value as i16),
        HostData::U32(to) => to.iter_mut().zip(from).for_each(|(to, value)| *to = value as u32),
        HostData::I32(to) => to.iter_mut().zip(from).for_each(|(to, value)| *to = value as i32),
        HostData::U64(to) => to.iter_mut().zip(from).for_each(|(to, value)| *to = value as u64),
        HostData::I64(to) => to.iter_mut().zip(from).for_each(|(to, value)| *to = value as i64),
        HostData::F16(to) => to.iter_mut().zip(from).for_each(|(to, value)| *to = half::f16::from_f64(value)),
        HostData::Bf16(to) => to.iter_mut().zip(from).for_each(|(to, value)| *to = half::bf16::from_f64(value)),
        HostData::F32(to) => to.iter_mut().zip(from).for_each(|(to, value)| *to = value as f32),
        HostData::F64(to) => to.iter_mut().zip(from).for_each(|(to, value)| *to = value),
    }
}

fn each<A: Copy, B>(from: &[A], to: &mut [B], convert: impl Fn(A) -> B) {
    to.iter_mut().zip(from).for_each(|(to, &from)| *to = convert(from));
}

fn clamp(value: i128) -> i32 {
    value.clamp(i32::MIN.into(), i32::MAX.into()) as i32
}
