//! A tensor's elements written as JSON, flat. What is not finite is null, for JSON has no word for it; in binary its bits pass through.

use half::{bf16, f16};
use samovar_service::tensor::{DataType, OutputTensor};
use serde::Serialize;

/// Writes the elements of `tensor` as an array.
pub(super) fn write_numbers(json: &mut Vec<u8>, tensor: &OutputTensor) {
    let data = &tensor.data;
    match tensor.data_type {
        DataType::Bool => write_each(json, data, |[byte]: [u8; 1]| byte != 0),
        DataType::Uint8 => write_each(json, data, u8::from_le_bytes),
        DataType::Uint16 => write_each(json, data, u16::from_le_bytes),
        DataType::Uint32 => write_each(json, data, u32::from_le_bytes),
        DataType::Uint64 => write_each(json, data, u64::from_le_bytes),
        DataType::Int8 => write_each(json, data, i8::from_le_bytes),
        DataType::Int16 => write_each(json, data, i16::from_le_bytes),
        DataType::Int32 => write_each(json, data, i32::from_le_bytes),
        DataType::Int64 => write_each(json, data, i64::from_le_bytes),
        DataType::Fp16 => write_each(json, data, |bytes| f16::from_le_bytes(bytes).to_f32()),
        DataType::Bf16 => write_each(json, data, |bytes| bf16::from_le_bytes(bytes).to_f32()),
        DataType::Fp32 => write_each(json, data, f32::from_le_bytes),
        DataType::Fp64 => write_each(json, data, f64::from_le_bytes),
        DataType::Bytes => write_texts(json, data),
    }
}

fn write_each<const N: usize, T: Serialize>(json: &mut Vec<u8>, data: &[u8], read: impl Fn([u8; N]) -> T) {
    json.push(b'[');
    let (elements, _) = data.as_chunks::<N>();
    for (index, element) in elements.iter().enumerate() {
        if index > 0 {
            json.push(b',');
        }
        put(json, &read(*element));
    }
    json.push(b']');
}

/// Elements that are texts in themselves: the server's own `BYTES` always are.
fn write_texts(json: &mut Vec<u8>, mut data: &[u8]) {
    json.push(b'[');
    while let Some((length, rest)) = data.split_first_chunk::<4>() {
        let length = (u32::from_le_bytes(*length) as usize).min(rest.len());
        let (text, rest) = rest.split_at(length);
        put(json, &String::from_utf8_lossy(text));
        data = rest;
        if !data.is_empty() {
            json.push(b',');
        }
    }
    json.push(b']');
}

fn put(json: &mut Vec<u8>, value: &impl Serialize) {
    serde_json::to_writer(json, value).expect("numbers and texts are JSON");
}
