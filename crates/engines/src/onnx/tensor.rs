//! `TensorProto`: element types, and the check that a stored tensor holds as much as it declares.

use super::protobuf::{Field, Malformed, Message};
use samovar_engine_api::ElementType;
use std::collections::BTreeMap;

/// Bytes at the end of a file that a tensor needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ExternalRange {
    /// The file, as the model names it, relative to the model's folder.
    pub(super) location: String,
    /// Where the bytes begin.
    pub(super) offset: u64,
    /// How many they are, as declared by the tensor's shape where the file does not say.
    pub(super) length: u64,
}

/// What is needed of a stored tensor.
#[derive(Debug, Default)]
pub(super) struct StoredTensor {
    pub(super) name: String,
    /// Where its bytes are, if not in the model's own file.
    pub(super) external: Option<ExternalRange>,
}

#[derive(Default)]
struct Draft {
    name: String,
    data_type: u64,
    count: u64,
    raw_bytes: Option<u64>,
    other_bytes: u64,
    is_external: bool,
    entries: BTreeMap<String, String>,
}

/// Reads a tensor without its elements.
pub(super) fn read(mut message: Message<'_>) -> Result<StoredTensor, Malformed> {
    let mut draft = Draft { count: 1, ..Draft::default() };
    while let Some(field) = message.next()? {
        match field {
            Field::Number(1, size) => draft.grow(size)?,
            Field::Bytes(1) => message.numbers(|size| draft.grow(size))?,
            Field::Number(2, code) => draft.data_type = code,
            Field::Number(14, place) => draft.is_external = place == 1,
            Field::Bytes(8) => draft.name = message.text()?,
            Field::Bytes(9) => draft.raw_bytes = Some(message.length()),
            Field::Bytes(13) => drop(read_entry(message.child()).map(|(key, value)| draft.entries.insert(key, value))?),
            Field::Bytes(4..=7 | 10 | 11) => draft.other_bytes += message.length().max(1),
            Field::Number(5 | 7 | 11, _) | Field::Fixed(4 | 10, _) => draft.other_bytes += 1,
            _ => {}
        }
    }
    draft.finish()
}

/// Reads a `StringStringEntryProto`.
pub(super) fn read_entry(mut message: Message<'_>) -> Result<(String, String), Malformed> {
    let (mut key, mut value) = (String::new(), String::new());
    while let Some(field) = message.next()? {
        match field {
            Field::Bytes(1) => key = message.text()?,
            Field::Bytes(2) => value = message.text()?,
            _ => {}
        }
    }
    Ok((key, value))
}

impl Draft {
    fn grow(&mut self, size: u64) -> Result<(), Malformed> {
        self.count =
            self.count.checked_mul(size).filter(|&count| count < 1 << 48).ok_or("a tensor declares an absurd size")?;
        Ok(())
    }

    fn finish(self) -> Result<StoredTensor, Malformed> {
        let declared =
            bits_of(self.data_type).and_then(|bits| self.count.checked_mul(bits)).map(|bits| bits.div_ceil(8));
        if self.is_external {
            let external = Some(self.external(declared)?);
            return Ok(StoredTensor { name: self.name, external });
        }
        let held = match self.raw_bytes {
            Some(bytes) => declared.is_none_or(|declared| declared == bytes),
            None => self.count / 8 <= self.other_bytes,
        };
        if !held {
            return Err(format!("the tensor `{}` does not hold as many elements as it declares", self.name));
        }
        Ok(StoredTensor { name: self.name, external: None })
    }

    fn external(&self, declared: Option<u64>) -> Result<ExternalRange, Malformed> {
        let number = |key: &str| {
            self.entries
                .get(key)
                .map(|text| text.parse::<u64>().map_err(|_| format!("`{text}` is no {key}")))
                .transpose()
        };
        let location = self.entries.get("location").cloned().ok_or("external data without a location")?;
        let length = number("length")?.or(declared).unwrap_or(0);
        if declared.is_some_and(|declared| declared != length) {
            return Err(format!("the tensor `{}` does not hold as many elements as it declares", self.name));
        }
        Ok(ExternalRange { location, offset: number("offset")?.unwrap_or(0), length })
    }
}

/// The element type of a port, by `TensorProto.DataType`.
pub(super) fn element_type(code: u64) -> Option<ElementType> {
    Some(match code {
        1 => ElementType::F32,
        2 => ElementType::U8,
        3 => ElementType::I8,
        4 => ElementType::U16,
        5 => ElementType::I16,
        6 => ElementType::I32,
        7 => ElementType::I64,
        9 => ElementType::Bool,
        10 => ElementType::F16,
        11 => ElementType::F64,
        12 => ElementType::U32,
        13 => ElementType::U64,
        16 => ElementType::Bf16,
        _ => return None,
    })
}

/// Bits per element in `raw_data`; none for strings and types that are not known here.
fn bits_of(code: u64) -> Option<u64> {
    match code {
        17..=20 | 24 => Some(8),
        21..=23 => Some(4),
        14 => Some(64),
        15 => Some(128),
        _ => element_type(code).map(|element| 8 * element.size_bytes() as u64),
    }
}
