//! What an inference came to, as HTTP carries it: JSON, and binary tensors behind it.

use super::infer_request::Form;
use super::numbers::write_numbers;
use bytes::Bytes;
use samovar_service::tensor::{InferResponse, OutputTensor};
use serde::Serialize;
use std::collections::VecDeque;

/// An answer's body.
pub(crate) struct InferAnswer {
    /// JSON, then binary tensors.
    pub(crate) pieces: VecDeque<Bytes>,
    /// Bytes of the JSON, where binary tensors follow.
    pub(crate) json_bytes: Option<usize>,
}

/// Writes an answer in the form that was asked for.
pub(crate) fn answer_of(response: InferResponse, form: &Form) -> InferAnswer {
    let mut json = Vec::with_capacity(256);
    let mut pieces = VecDeque::with_capacity(1 + response.outputs.len());
    json.extend_from_slice(b"{\"model_name\":");
    put(&mut json, &response.model);
    json.extend_from_slice(b",\"model_version\":");
    put(&mut json, &response.version);
    if let Some(id) = &response.id {
        json.extend_from_slice(b",\"id\":");
        put(&mut json, id);
    }
    json.extend_from_slice(b",\"outputs\":[");
    let mut any_binary = false;
    for (index, tensor) in response.outputs.into_iter().enumerate() {
        if index > 0 {
            json.push(b',');
        }
        let binary = form.is_binary(index);
        any_binary |= binary;
        if let Some(bytes) = write_tensor(&mut json, tensor, binary) {
            pieces.push_back(bytes);
        }
    }
    json.extend_from_slice(b"]}");
    let json_bytes = any_binary.then_some(json.len());
    pieces.push_front(json.into());
    InferAnswer { pieces: joined(pieces), json_bytes }
}

/// Writes what is told of a tensor; gives its bytes where they go behind the JSON.
fn write_tensor(json: &mut Vec<u8>, tensor: OutputTensor, binary: bool) -> Option<Bytes> {
    json.extend_from_slice(b"{\"name\":");
    put(json, &tensor.name);
    json.extend_from_slice(b",\"datatype\":\"");
    json.extend_from_slice(tensor.data_type.name().as_bytes());
    json.extend_from_slice(b"\",\"shape\":");
    put(json, &tensor.shape);
    let mut behind = None;
    if let Some((region, offset, byte_size)) = &tensor.shared {
        json.extend_from_slice(b",\"parameters\":{\"shared_memory_region\":");
        put(json, region);
        json.extend_from_slice(b",\"shared_memory_offset\":");
        put(json, offset);
        json.extend_from_slice(b",\"shared_memory_byte_size\":");
        put(json, byte_size);
        json.push(b'}');
    } else if binary {
        json.extend_from_slice(b",\"parameters\":{\"binary_data_size\":");
        put(json, &tensor.data.len());
        json.push(b'}');
        behind = Some(tensor.data);
    } else {
        json.extend_from_slice(b",\"data\":");
        write_numbers(json, &tensor);
    }
    json.push(b'}');
    behind
}

/// Small pieces as one, so that head and body leave in one write; large ones stay where they are.
fn joined(pieces: VecDeque<Bytes>) -> VecDeque<Bytes> {
    const SMALL: usize = 16 << 10;
    if pieces.len() == 1 || pieces.iter().map(Bytes::len).sum::<usize>() > SMALL {
        return pieces;
    }
    let whole: Vec<u8> = Vec::from(pieces).concat();
    VecDeque::from([whole.into()])
}

fn put(json: &mut Vec<u8>, value: &impl Serialize) {
    serde_json::to_writer(json, value).expect("texts and numbers are JSON");
}
