//! The service's answer as a message: fields first, tensors behind them as they are.

use super::framing::Parts;
use super::messages::inference::infer_parameter::ParameterChoice;
use super::messages::inference::model_infer_response::InferOutputTensor;
use super::messages::inference::{InferParameter, ModelInferResponse, ModelStreamInferResponse};
use super::parameter::told;
use samovar_service::tensor::{InferResponse, OutputTensor};
use std::collections::HashMap;

/// The number of `raw_output_contents`.
const RAW: u32 = 6;
/// The number of `infer_response` in a stream's message.
const RESPONSE: u32 = 2;

/// The answer of one call.
pub(super) fn whole(response: InferResponse) -> Parts {
    parts(response, HashMap::new())
}

/// An answer in a stream. It is the only one to its request, and says so.
pub(super) fn in_stream(response: InferResponse) -> Parts {
    let last = told(ParameterChoice::BoolParam(true));
    parts(response, HashMap::from([("triton_final_response".to_owned(), last)])).into_field(RESPONSE)
}

/// A request in a stream that has no answer.
pub(super) fn failed_in_stream(id: String, model_name: String, error_message: String) -> Parts {
    let infer_response = ModelInferResponse { id, model_name, ..ModelInferResponse::default() };
    let mut parts = Parts::default();
    parts.put_message(&ModelStreamInferResponse { error_message, infer_response: Some(infer_response) });
    parts
}

/// One entry of `raw_output_contents` for each output: an empty one for those in shared memory, which clients count on.
fn parts(response: InferResponse, parameters: HashMap<String, InferParameter>) -> Parts {
    let (outputs, raw): (Vec<_>, Vec<_>) = response.outputs.into_iter().map(output).unzip();
    let fields = ModelInferResponse {
        model_name: response.model,
        model_version: response.version,
        id: response.id.unwrap_or_default(),
        parameters,
        outputs,
        raw_output_contents: Vec::new(),
    };
    let mut parts = Parts::default();
    parts.put_message(&fields);
    raw.into_iter().for_each(|bytes| parts.put_bytes(RAW, bytes));
    parts
}

fn output(tensor: OutputTensor) -> (InferOutputTensor, bytes::Bytes) {
    let size = |size: usize| i64::try_from(size).unwrap_or(i64::MAX);
    let fields = InferOutputTensor {
        name: tensor.name,
        datatype: tensor.data_type.name().to_owned(),
        shape: tensor.shape.into_iter().map(size).collect(),
        parameters: tensor.shared.map(shared).unwrap_or_default(),
        contents: None,
    };
    (fields, tensor.data)
}

fn shared((region, offset, byte_size): (String, u64, u64)) -> HashMap<String, InferParameter> {
    let number = |number: u64| told(ParameterChoice::Int64Param(i64::try_from(number).unwrap_or(i64::MAX)));
    HashMap::from([
        ("shared_memory_region".to_owned(), told(ParameterChoice::StringParam(region))),
        ("shared_memory_offset".to_owned(), number(offset)),
        ("shared_memory_byte_size".to_owned(), number(byte_size)),
    ])
}
