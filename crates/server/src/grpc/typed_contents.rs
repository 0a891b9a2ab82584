//! Tensors in typed fields, brought to the form that everything else has: dense, little-endian, strings with their lengths.

use super::messages::inference::InferTensorContents;
use bytes::{BufMut, Bytes, BytesMut};
use samovar_service::ServiceError;
use samovar_service::tensor::DataType;

/// The elements of a tensor that is in typed fields.
///
/// # Errors
/// Elements in the field of another type or in several, numbers that do not fit their type, and types without a field (`FP16`, `BF16`).
pub(super) fn bytes_of(data_type: DataType, contents: &InferTensorContents) -> Result<Bytes, ServiceError> {
    let (mut bytes, elements) = match data_type {
        DataType::Bool => put(&contents.bool_contents, |into, value| into.put_u8(u8::from(value))),
        DataType::Uint8 => {
            (put_narrow::<u8, _, 1>(&contents.uint_contents, u8::to_le_bytes)?, contents.uint_contents.len())
        }
        DataType::Uint16 => {
            (put_narrow::<u16, _, 2>(&contents.uint_contents, u16::to_le_bytes)?, contents.uint_contents.len())
        }
        DataType::Uint32 => put(&contents.uint_contents, BytesMut::put_u32_le),
        DataType::Uint64 => put(&contents.uint64_contents, BytesMut::put_u64_le),
        DataType::Int8 => {
            (put_narrow::<i8, _, 1>(&contents.int_contents, i8::to_le_bytes)?, contents.int_contents.len())
        }
        DataType::Int16 => {
            (put_narrow::<i16, _, 2>(&contents.int_contents, i16::to_le_bytes)?, contents.int_contents.len())
        }
        DataType::Int32 => put(&contents.int_contents, BytesMut::put_i32_le),
        DataType::Int64 => put(&contents.int64_contents, BytesMut::put_i64_le),
        DataType::Fp32 => put(&contents.fp32_contents, BytesMut::put_f32_le),
        DataType::Fp64 => put(&contents.fp64_contents, BytesMut::put_f64_le),
        DataType::Bytes => (put_strings(&contents.bytes_contents)?, contents.bytes_contents.len()),
        DataType::Fp16 | DataType::Bf16 => {
            return Err(wrong("FP16 and BF16 have no typed field; send them as raw_input_contents"));
        }
    };
    if elements != count(contents) {
        return Err(wrong("the elements are not, or not all, in the field of the tensor's type"));
    }
    Ok(bytes.split().freeze())
}

fn put<T: Copy>(values: &[T], mut each: impl FnMut(&mut BytesMut, T)) -> (BytesMut, usize) {
    let mut bytes = BytesMut::with_capacity(size_of_val(values));
    values.iter().for_each(|&value| each(&mut bytes, value));
    (bytes, values.len())
}

fn put_narrow<T: TryFrom<W>, W: Copy, const BYTES: usize>(
    values: &[W],
    to_bytes: impl Fn(T) -> [u8; BYTES],
) -> Result<BytesMut, ServiceError> {
    let mut bytes = BytesMut::with_capacity(values.len() * BYTES);
    for &value in values {
        let value = T::try_from(value).map_err(|_| wrong("a number does not fit the tensor's type"))?;
        bytes.put_slice(&to_bytes(value));
    }
    Ok(bytes)
}

fn put_strings(strings: &[Bytes]) -> Result<BytesMut, ServiceError> {
    let mut bytes = BytesMut::new();
    for string in strings {
        bytes.put_u32_le(u32::try_from(string.len()).map_err(|_| wrong("a string is over 4 GiB"))?);
        bytes.put_slice(string);
    }
    Ok(bytes)
}

/// Elements in all fields.
const fn count(contents: &InferTensorContents) -> usize {
    contents.bool_contents.len()
        + contents.int_contents.len()
        + contents.int64_contents.len()
        + contents.uint_contents.len()
        + contents.uint64_contents.len()
        + contents.fp32_contents.len()
        + contents.fp64_contents.len()
        + contents.bytes_contents.len()
}

fn wrong(message: &'static str) -> ServiceError {
    ServiceError::invalid("invalid_tensor", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ints(values: &[i32]) -> InferTensorContents {
        InferTensorContents { int_contents: values.to_vec(), ..InferTensorContents::default() }
    }

    #[test]
    fn every_type_has_its_field_and_form() {
        assert_eq!(bytes_of(DataType::Int8, &ints(&[-1, 2])).unwrap(), &[255, 2][..]);
        assert_eq!(bytes_of(DataType::Int16, &ints(&[-2])).unwrap(), &[254, 255][..]);
        assert_eq!(bytes_of(DataType::Int32, &ints(&[1])).unwrap(), &[1, 0, 0, 0][..]);
        let uints = InferTensorContents { uint_contents: vec![258], ..InferTensorContents::default() };
        assert_eq!(bytes_of(DataType::Uint16, &uints).unwrap(), &[2, 1][..]);
        let floats = InferTensorContents { fp32_contents: vec![1.0, f32::NAN], ..InferTensorContents::default() };
        let expected = [1.0_f32.to_le_bytes(), f32::NAN.to_le_bytes()].concat();
        assert_eq!(bytes_of(DataType::Fp32, &floats).unwrap(), expected);
        let strings = vec![Bytes::from_static(b"ab"), Bytes::new()];
        let strings = InferTensorContents { bytes_contents: strings, ..InferTensorContents::default() };
        assert_eq!(bytes_of(DataType::Bytes, &strings).unwrap(), &b"\x02\0\0\0ab\0\0\0\0"[..]);
        let truths = InferTensorContents { bool_contents: vec![true, false], ..InferTensorContents::default() };
        assert_eq!(bytes_of(DataType::Bool, &truths).unwrap(), &[1, 0][..]);
    }

    #[test]
    fn what_does_not_fit_its_type_is_refused() {
        for (data_type, contents) in [
            (DataType::Int8, ints(&[128])),
            (DataType::Fp32, ints(&[1])),
            (DataType::Fp16, ints(&[1])),
            (DataType::Int32, InferTensorContents { fp32_contents: vec![1.0], ..ints(&[1]) }),
        ] {
            assert_eq!(bytes_of(data_type, &contents).unwrap_err().kind().code(), "invalid_tensor", "{data_type:?}");
        }
    }
}
