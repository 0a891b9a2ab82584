//! A tensor's elements as JSON: read straight into bytes, with no tree of values in between.

use samovar_service::tensor::DataType;
use serde::de::{DeserializeSeed, Error, SeqAccess, Visitor};
use serde::{Deserializer, de};
use serde_json::value::RawValue;
use std::fmt;

/// The elements of `data`, flat or nested, as bytes: little-endian; `BYTES` as length and bytes of each element.
///
/// # Errors
/// What is no such element, more of them than `count`, and types that JSON cannot hold (`FP16`, `BF16`).
pub(super) fn read_values(data: &RawValue, data_type: DataType, count: usize) -> Result<Vec<u8>, serde_json::Error> {
    let expected = data_type.element_bytes().unwrap_or(0).saturating_mul(count);
    // Each element takes two characters of text at least.
    let mut elements = Elements {
        data_type,
        left: count,
        bytes: Vec::with_capacity(expected.min(data.get().len().saturating_mul(4))),
    };
    let mut json = serde_json::Deserializer::from_str(data.get());
    Nested(&mut elements).deserialize(&mut json)?;
    Ok(elements.bytes)
}

/// What has been read so far.
struct Elements {
    data_type: DataType,
    /// Elements that may still come.
    left: usize,
    bytes: Vec<u8>,
}

/// An array or an element.
struct Nested<'a>(&'a mut Elements);

impl<'de> DeserializeSeed<'de> for Nested<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Nested<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} or an array of them", self.0.data_type.name())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<(), A::Error> {
        while values.next_element_seed(Nested(self.0))?.is_some() {}
        Ok(())
    }

    fn visit_bool<E: de::Error>(self, truth: bool) -> Result<(), E> {
        self.0.count()?;
        match self.0.data_type {
            DataType::Bool => self.0.put([u8::from(truth)]),
            _ => return Err(self.0.wrong()),
        }
        Ok(())
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<(), E> {
        self.0.whole(i128::from(number))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<(), E> {
        self.0.whole(i128::from(number))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<(), E> {
        self.0.count()?;
        match self.0.data_type {
            DataType::Fp32 if (number as f32).is_finite() => self.0.put((number as f32).to_le_bytes()),
            DataType::Fp64 => self.0.put(number.to_le_bytes()),
            _ => return Err(self.0.wrong()),
        }
        Ok(())
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<(), E> {
        self.0.count()?;
        let length = u32::try_from(text.len()).ok().filter(|_| self.0.data_type == DataType::Bytes);
        let length = length.ok_or_else(|| self.0.wrong())?;
        self.0.put(length.to_le_bytes());
        self.0.bytes.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

impl Elements {
    fn put<const N: usize>(&mut self, bytes: [u8; N]) {
        self.bytes.extend_from_slice(&bytes);
    }

    fn count<E: Error>(&mut self) -> Result<(), E> {
        self.left = self.left.checked_sub(1).ok_or_else(|| E::custom("there are more elements than the shape says"))?;
        Ok(())
    }

    fn whole<E: Error>(&mut self, number: i128) -> Result<(), E> {
        self.count()?;
        let fits = match self.data_type {
            DataType::Uint8 => u8::try_from(number).map(|number| self.put(number.to_le_bytes())).is_ok(),
            DataType::Uint16 => u16::try_from(number).map(|number| self.put(number.to_le_bytes())).is_ok(),
            DataType::Uint32 => u32::try_from(number).map(|number| self.put(number.to_le_bytes())).is_ok(),
            DataType::Uint64 => u64::try_from(number).map(|number| self.put(number.to_le_bytes())).is_ok(),
            DataType::Int8 => i8::try_from(number).map(|number| self.put(number.to_le_bytes())).is_ok(),
            DataType::Int16 => i16::try_from(number).map(|number| self.put(number.to_le_bytes())).is_ok(),
            DataType::Int32 => i32::try_from(number).map(|number| self.put(number.to_le_bytes())).is_ok(),
            DataType::Int64 => i64::try_from(number).map(|number| self.put(number.to_le_bytes())).is_ok(),
            DataType::Fp32 => {
                self.put((number as f32).to_le_bytes());
                true
            }
            DataType::Fp64 => {
                self.put((number as f64).to_le_bytes());
                true
            }
            DataType::Bool | DataType::Fp16 | DataType::Bf16 | DataType::Bytes => false,
        };
        if fits { Ok(()) } else { Err(self.wrong()) }
    }

    fn wrong<E: Error>(&self) -> E {
        match self.data_type {
            DataType::Fp16 | DataType::Bf16 => {
                E::custom(format_args!("JSON cannot hold {}; send it in binary", self.data_type.name()))
            }
            _ => E::custom(format_args!("an element is no {}", self.data_type.name())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str, data_type: DataType, count: usize) -> Result<Vec<u8>, String> {
        let raw: Box<RawValue> = serde_json::from_str(json).unwrap();
        read_values(&raw, data_type, count).map_err(|error| error.to_string())
    }

    #[test]
    fn elements_become_bytes_flat_or_nested() {
        let floats = [1.0_f32, -2.5, 3.0].map(f32::to_le_bytes).concat();
        assert_eq!(read("[1, -2.5, 3e0]", DataType::Fp32, 3).unwrap(), floats);
        assert_eq!(read("[[1], [[-2.5, 3]]]", DataType::Fp32, 3).unwrap(), floats);
        assert_eq!(read("[true, false]", DataType::Bool, 2).unwrap(), [1, 0]);
        assert_eq!(read("[-1]", DataType::Int64, 1).unwrap(), [255; 8]);
        assert_eq!(read("[18446744073709551615]", DataType::Uint64, 1).unwrap(), [255; 8]);
        assert_eq!(read("[\"ab\", \"\"]", DataType::Bytes, 2).unwrap(), [2, 0, 0, 0, b'a', b'b', 0, 0, 0, 0]);
    }

    #[test]
    fn what_is_no_element_is_refused() {
        for (json, data_type) in [
            ("[300]", DataType::Uint8),
            ("[-1]", DataType::Uint32),
            ("[1.5]", DataType::Int32),
            ("[1e39]", DataType::Fp32),
            ("[1]", DataType::Bool),
            ("[\"1\"]", DataType::Int8),
            ("[null]", DataType::Fp32),
            ("[{}]", DataType::Fp32),
            ("[1, 2]", DataType::Int8),
        ] {
            assert!(read(json, data_type, 1).is_err(), "{json}");
        }
        assert!(read("[1.0]", DataType::Fp16, 1).unwrap_err().contains("JSON cannot hold FP16"));
    }
}
