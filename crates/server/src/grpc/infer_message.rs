//! The message of an inference, read into the service's request.

use super::messages::inference::ModelInferRequest;
use super::messages::inference::model_infer_request::{InferInputTensor, InferRequestedOutputTensor};
use super::rope::Rope;
use super::status::refused;
use super::{parameter, typed_contents};
use bytes::{Buf, Bytes};
use prost::Message;
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};
use samovar_service::ServiceError;
use samovar_service::tensor::{
    ByteChunks, DataType, InferRequest, InputTensor, TensorData, WantedOutput, shared_range,
};
use std::collections::VecDeque;
use std::time::Duration;
use tonic::Status;

/// A message with its tensors apart.
#[derive(Debug, Default)]
pub(super) struct InferMessage {
    /// Everything but `raw_input_contents`, which is empty here.
    pub(super) fields: ModelInferRequest,
    /// `raw_input_contents`, in the pieces that they came in.
    raw: VecDeque<Vec<Bytes>>,
}

const PARAMETERS: u32 = 4;
const INPUTS: u32 = 5;
const OUTPUTS: u32 = 6;
const RAW: u32 = 7;

impl InferMessage {
    /// Takes the message apart.
    pub(super) fn decode(mut rope: Rope) -> Result<Self, Status> {
        let mut message = Self::default();
        while rope.has_remaining() {
            let (tag, wire_type) = decode_key(&mut rope).map_err(|_| unreadable())?;
            message.take(tag, wire_type, &mut rope)?;
        }
        Ok(message)
    }

    fn take(&mut self, tag: u32, wire_type: WireType, rope: &mut Rope) -> Result<(), Status> {
        let fields = &mut self.fields;
        match (tag, wire_type) {
            (RAW, WireType::LengthDelimited) => {
                check_count(self.raw.len())?;
                self.raw.push_back(delimited(rope)?);
            }
            (INPUTS, WireType::LengthDelimited) => {
                check_count(fields.inputs.len())?;
                let mut input = Rope::from_iter(delimited(rope)?);
                let input = input.copy_to_bytes(input.remaining());
                check_input(&input)?;
                fields.inputs.push(InferInputTensor::decode(input).map_err(|_| unreadable())?);
            }
            _ => {
                check_count(fields.outputs.len() * usize::from(tag == OUTPUTS))?;
                check_count(fields.parameters.len() * usize::from(tag == PARAMETERS))?;
                let merged = fields.merge_field(tag, wire_type, rope, DecodeContext::default());
                merged.map_err(|_| unreadable())?;
            }
        }
        Ok(())
    }

    /// The request, of which the answer is worth something for `time_left`.
    pub(super) fn into_request(self, time_left: Option<Duration>) -> Result<InferRequest, Status> {
        self.request(time_left).map_err(refused)
    }

    fn request(self, time_left: Option<Duration>) -> Result<InferRequest, ServiceError> {
        let Self { fields, raw } = self;
        let mut request = InferRequest {
            model: fields.model_name,
            version: Some(fields.model_version).filter(|version| !version.is_empty()),
            id: Some(fields.id).filter(|id| !id.is_empty()),
            inputs: inputs(fields.inputs, raw)?,
            outputs: fields.outputs.into_iter().map(output).collect::<Result<_, _>>()?,
            ..InferRequest::default()
        };
        request.take_parameters(parameter::read(fields.parameters))?;
        request.timeout = request.timeout.into_iter().chain(time_left).min();
        Ok(request)
    }
}

fn delimited(rope: &mut Rope) -> Result<Vec<Bytes>, Status> {
    let length = decode_varint(rope).ok().and_then(|length| usize::try_from(length).ok());
    let length = length.filter(|length| *length <= rope.remaining()).ok_or_else(unreadable)?;
    Ok(rope.take_pieces(length))
}

/// Refuses one more of what there are `count` of. What two bytes of a message say may take hundreds in memory, so what is repeated is
/// counted before it is read; what a request may have is less, and told by the service.
fn check_count(count: usize) -> Result<(), Status> {
    if count < FIELDS_MAX { Ok(()) } else { Err(too_many()) }
}

/// Inputs, outputs, and parameters of each.
const FIELDS_MAX: usize = 256;
/// Strings of one tensor in typed fields.
const STRINGS_MAX: usize = 1 << 20;

/// Looks at what an input repeats.
fn check_input(input: &Bytes) -> Result<(), Status> {
    const CONTENTS: u32 = 5;
    const STRINGS: u32 = 8;
    let strings = |contents: &Bytes| each_field(contents, |tag, _| Ok(usize::from(tag == STRINGS)));
    let mut strings_count = 0;
    let parameters = each_field(input, |tag, field| {
        if tag == CONTENTS {
            strings_count += strings(field)?;
        }
        Ok(usize::from(tag == PARAMETERS))
    })?;
    if parameters <= FIELDS_MAX && strings_count <= STRINGS_MAX { Ok(()) } else { Err(too_many()) }
}

/// The sum of what `look` finds in each field of a message that has a length.
fn each_field(message: &Bytes, mut look: impl FnMut(u32, &Bytes) -> Result<usize, Status>) -> Result<usize, Status> {
    let (mut rest, mut sum) = (message.clone(), 0);
    while rest.has_remaining() {
        let (tag, wire_type) = decode_key(&mut rest).map_err(|_| unreadable())?;
        if wire_type == WireType::LengthDelimited {
            let length = decode_varint(&mut rest).ok().and_then(|length| usize::try_from(length).ok());
            let length = length.filter(|length| *length <= rest.len()).ok_or_else(unreadable)?;
            sum += look(tag, &rest.split_to(length))?;
        } else {
            skip_field(wire_type, tag, &mut rest, DecodeContext::default()).map_err(|_| unreadable())?;
        }
    }
    Ok(sum)
}

fn too_many() -> Status {
    Status::resource_exhausted("the message repeats a field more often than any request may; send less at once")
}

fn unreadable() -> Status {
    Status::invalid_argument("the message is no ModelInferRequest")
}

fn inputs(tensors: Vec<InferInputTensor>, mut raw: VecDeque<Vec<Bytes>>) -> Result<Vec<InputTensor>, ServiceError> {
    let all_raw = !raw.is_empty();
    let inputs = tensors.into_iter().map(|tensor| input(tensor, all_raw, &mut raw)).collect::<Result<_, _>>()?;
    if raw.is_empty() { Ok(inputs) } else { Err(wrong("there are more raw_input_contents than inputs that need them")) }
}

fn input(tensor: InferInputTensor, all_raw: bool, raw: &mut VecDeque<Vec<Bytes>>) -> Result<InputTensor, ServiceError> {
    let data_type =
        DataType::parse(&tensor.datatype).ok_or_else(|| wrong("a tensor's datatype is not the protocol's"))?;
    let parameters = parameter::read(tensor.parameters);
    let data = match (shared_range(&parameters)?, tensor.contents) {
        (Some(_), Some(_)) => return Err(wrong("a tensor is in shared memory or in `contents`, not in both")),
        (Some((region, offset, byte_size)), None) => TensorData::Shared { region, offset, byte_size },
        (None, Some(_)) if all_raw => {
            return Err(wrong("tensors are in `contents` or in raw_input_contents, not in both"));
        }
        (None, contents) if !all_raw => {
            TensorData::Values(typed_contents::bytes_of(data_type, &contents.unwrap_or_default())?)
        }
        (None, _) => {
            let pieces = raw.pop_front();
            TensorData::Raw(ByteChunks(
                pieces.ok_or_else(|| wrong("there are fewer raw_input_contents than inputs that need them"))?,
            ))
        }
    };
    Ok(InputTensor { name: tensor.name, data_type, shape: tensor.shape, data })
}

fn output(tensor: InferRequestedOutputTensor) -> Result<WantedOutput, ServiceError> {
    WantedOutput::new(tensor.name, &parameter::read(tensor.parameters))
}

fn wrong(message: &'static str) -> ServiceError {
    ServiceError::invalid("invalid_tensor", message)
}
