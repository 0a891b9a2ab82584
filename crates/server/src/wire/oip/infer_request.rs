//! One inference as HTTP carries it: JSON, and binary tensors behind it.

use super::depth::{DEPTH_MAX, is_too_deep};
use super::parameter::ParametersBody;
use super::values::read_values;
use samovar_service::ServiceError;
use samovar_service::tensor::{
    ByteChunks, DataType, InferRequest, InputTensor, Parameter, TensorData, WantedOutput, shared_range,
};
use serde::Deserialize;
use serde_json::value::RawValue;

/// A request, and how its answer is to be written.
pub(crate) struct ReadRequest {
    pub(crate) request: InferRequest,
    pub(crate) form: Form,
}

/// How an answer is written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Form {
    /// Whether outputs go in binary that say nothing of it themselves.
    pub(crate) binary: bool,
    /// What each wanted output says of it, in their order.
    pub(crate) outputs: Vec<Option<bool>>,
}

impl Form {
    /// Whether the output of that number goes in binary.
    pub(crate) fn is_binary(&self, output: usize) -> bool {
        self.outputs.get(output).copied().flatten().unwrap_or(self.binary)
    }
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    parameters: ParametersBody,
    #[serde(borrow)]
    inputs: Vec<InputBody<'a>>,
    #[serde(default)]
    outputs: Option<Vec<OutputBody>>,
}

#[derive(Deserialize)]
struct InputBody<'a> {
    name: String,
    shape: Vec<i64>,
    datatype: String,
    #[serde(default)]
    parameters: ParametersBody,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct OutputBody {
    name: String,
    #[serde(default)]
    parameters: ParametersBody,
}

/// Reads a request whose JSON takes the first `json_bytes` of the body; none: all of it. What comes behind are binary tensors, which
/// stay the pieces that they came in.
///
/// # Errors
/// `invalid_body` for what cannot be read, and what the parameters say that is none.
pub(crate) fn read_request(mut body: ByteChunks, json_bytes: Option<usize>) -> Result<ReadRequest, ServiceError> {
    let length = body.len();
    let json_bytes = json_bytes.unwrap_or(length);
    if json_bytes > length {
        return Err(unreadable("the header says that there is more JSON than the body has bytes"));
    }
    let json = body.split_to(json_bytes).joined();
    if is_too_deep(&json) {
        return Err(unreadable(format!("the JSON is nested deeper than {DEPTH_MAX} levels")));
    }
    let read: Body<'_> =
        serde_json::from_slice(&json).map_err(|error| unreadable(format!("{}; send it like {LIKE}", why(&error))))?;
    let mut request = InferRequest { id: read.id, ..InferRequest::default() };
    request.take_parameters(read.parameters.0)?;
    request.inputs = read.inputs.into_iter().map(|input| input.read(&mut body)).collect::<Result<_, _>>()?;
    if !body.is_empty() {
        return Err(unreadable("there are more binary bytes than the inputs say"));
    }
    let outputs = read.outputs.unwrap_or_default().into_iter();
    request.outputs =
        outputs.map(|output| WantedOutput::new(output.name, &output.parameters.0)).collect::<Result<_, _>>()?;
    let binary = match request.parameters.get("binary_data_output") {
        Some(Parameter::Bool(binary)) => *binary,
        _ => false,
    };
    let form = Form { binary, outputs: request.outputs.iter().map(|output| output.binary).collect() };
    Ok(ReadRequest { request, form })
}

impl InputBody<'_> {
    /// Takes its binary bytes off the front of `rest`, where it has some there.
    fn read(self, rest: &mut ByteChunks) -> Result<InputTensor, ServiceError> {
        let named = DataType::parse(&self.datatype);
        let data_type =
            named.ok_or_else(|| ServiceError::invalid("invalid_datatype", "an input has an unknown datatype"))?;
        let binary = match self.parameters.0.get("binary_data_size") {
            None => None,
            Some(Parameter::Int(size)) => Some(usize::try_from(*size).map_err(|_| bad_size())?),
            Some(_) => return Err(bad_size()),
        };
        let data = match (shared_range(&self.parameters.0)?, binary, self.data) {
            (Some((region, offset, byte_size)), None, None) => TensorData::Shared { region, offset, byte_size },
            (None, Some(size), None) => {
                let chunks = rest.split_to(size);
                if chunks.len() < size {
                    return Err(unreadable("the binary bytes of an input are missing"));
                }
                TensorData::Raw(chunks)
            }
            (None, None, Some(data)) => {
                let read = read_values(data, data_type, elements(&self.shape)?);
                let values =
                    read.map_err(|error| unreadable(format!("the data of an input cannot be read: {error}")))?;
                TensorData::Values(values.into())
            }
            (None, None, None) => return Err(unreadable("an input has no data")),
            _ => return Err(unreadable("an input has its data in more than one place")),
        };
        Ok(InputTensor { name: self.name, data_type, shape: self.shape, data })
    }
}

/// Elements that a shape makes.
fn elements(shape: &[i64]) -> Result<usize, ServiceError> {
    let wrong =
        || ServiceError::invalid("invalid_shape", "the axes of a shape are not negative, and make a size that can be");
    let size = |&axis: &i64| usize::try_from(axis).ok();
    let count = shape.iter().try_fold(1_usize, |count, axis| count.checked_mul(size(axis)?));
    count.ok_or_else(wrong)
}

/// What a request looks like, for people.
const LIKE: &str = "{\"inputs\": [{\"name\": …, \"shape\": […], \"datatype\": …, \"data\": […]}]}";

/// Why JSON cannot be read, and where; never what stands there, which may be as long as the body.
pub(crate) fn why(error: &serde_json::Error) -> String {
    let why = if error.is_data() { "lacks a field or has one of another type" } else { "is no JSON" };
    format!("the body {why} (line {}, column {})", error.line(), error.column())
}

fn bad_size() -> ServiceError {
    ServiceError::invalid("invalid_parameter", "`binary_data_size` is a whole number that is not negative")
}

fn unreadable(message: impl Into<std::borrow::Cow<'static, str>>) -> ServiceError {
    ServiceError::invalid("invalid_body", message)
}
