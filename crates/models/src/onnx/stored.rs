//! Reads an ONNX file whole, and the data of its tensors wherever it lies.

use super::proto::{Model, Tensor};
use bytes::Bytes;
use prost::Message;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

/// The longest file that protobuf can write, less what is around the weights.
pub(crate) const BYTES_MAX: usize = (2 << 30) - (64 << 20);

/// Why a file, or a tensor in it, cannot be taken in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum StoredError {
    /// The file, or data beside it, cannot be read or is damaged.
    #[error("{0}")]
    File(String),
    /// It is stored in a way that is not known here.
    #[error("{0}")]
    Unknown(&'static str),
}

/// The model at `path`, its tensors as they are stored.
///
/// # Errors
/// A file that cannot be read, or is no ONNX file.
pub(crate) fn read(path: &Path) -> Result<Model, StoredError> {
    let bytes = std::fs::read(path).map_err(|error| StoredError::File(error.to_string()))?;
    Model::decode(Bytes::from(bytes)).map_err(|error| StoredError::File(error.to_string()))
}

/// Reads the bytes that lie beside the model, in `folder`, into the tensor, and checks that there are as many as its sizes say.
///
/// # Errors
/// Data that is missing, elsewhere or damaged, and numbers that are no floating-point numbers.
pub(crate) fn take_in(tensor: &mut Tensor, folder: &Path) -> Result<(), StoredError> {
    if !matches!(tensor.data_type, 1 | 10 | 16) {
        return Err(StoredError::Unknown("its weights are no floating-point numbers"));
    }
    let length = length(tensor)?;
    take_in_data(tensor, folder)?;
    if tensor.raw_data.is_none() && tensor.data_type == 1 {
        let floats = std::mem::take(&mut tensor.float_data);
        tensor.raw_data = Some(floats.into_iter().flat_map(f32::to_le_bytes).collect::<Vec<u8>>().into());
    }
    match &tensor.raw_data {
        Some(bytes) if bytes.len() == length => Ok(()),
        _ => Err(damaged(tensor)),
    }
}

/// Reads the bytes that lie beside the model into the tensor, whatever they are; one whose bytes lie in the model is left as it is.
///
/// # Errors
/// Data that is missing, elsewhere or damaged.
pub(crate) fn take_in_data(tensor: &mut Tensor, folder: &Path) -> Result<(), StoredError> {
    if tensor.data_location != 1 {
        return Ok(());
    }
    let length = length(tensor)?;
    let bytes = external(tensor, folder, length)?;
    if bytes.len() != length {
        return Err(damaged(tensor));
    }
    tensor.raw_data = Some(bytes);
    (tensor.data_location, tensor.external_data) = (0, Vec::new());
    Ok(())
}

/// Bytes of what the tensor declares.
fn length(tensor: &Tensor) -> Result<usize, StoredError> {
    let size = match tensor.data_type {
        2 | 3 | 9 => 1,
        4 | 5 | 10 | 16 => 2,
        1 | 6 | 12 => 4,
        7 | 11 | 13 => 8,
        _ => return Err(StoredError::Unknown("its weights are numbers of an unknown kind")),
    };
    let count = tensor.dims.iter().try_fold(size, |count: usize, &dim| count.checked_mul(usize::try_from(dim).ok()?));
    count.filter(|&length| length <= BYTES_MAX).ok_or_else(|| damaged(tensor))
}

fn damaged(tensor: &Tensor) -> StoredError {
    StoredError::File(format!("the tensor `{}` does not hold what it declares", tensor.name))
}

fn external(tensor: &Tensor, folder: &Path, length: usize) -> Result<Bytes, StoredError> {
    let failed = |reason: String| StoredError::File(format!("data beside it: {reason}"));
    let entry = |key: &str| tensor.external_data.iter().find(|entry| entry.key == key).map(|entry| &entry.value);
    let name = entry("location").ok_or_else(|| failed("it is not named".to_owned()))?;
    // As the engines have it: a name in the same folder, nothing else.
    if Path::new(name).components().count() != 1 || Path::new(name).file_name().is_none() {
        return Err(failed("it lies in another folder".to_owned()));
    }
    let offset =
        entry("offset").map_or(Ok(0), |offset| offset.parse::<u64>()).map_err(|error| failed(error.to_string()))?;
    let mut file = File::open(folder.join(name)).map_err(|error| failed(error.to_string()))?;
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(offset)).map_err(|error| failed(error.to_string()))?;
    file.take(length as u64).read_to_end(&mut bytes).map_err(|error| failed(error.to_string()))?;
    Ok(bytes.into())
}
