//! Reads a decoder's file whole, data beside it included, and holds what was found in it to the sizes of the checkpoint.

use super::DecoderShape;
use super::find::width_out;
use super::proto::{Model, Tensor};
use super::weights::{Attention, Linear, Norm, Weights};
use bytes::Bytes;
use prost::Message;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

/// The longest file that protobuf can write, less what is around the weights.
const BYTES_MAX: usize = (2 << 30) - (64 << 20);

/// Why a decoder's graph cannot be edited. None of these keeps the model from running as it was exported.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The file, or data beside it, cannot be read or is damaged.
    #[error("the decoder's file cannot be read: {0}")]
    File(String),
    /// The graph is written in a way that is not known here.
    #[error("the decoder's graph is not edited: {0}")]
    Unknown(&'static str),
}

impl EditError {
    /// The stable machine code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::File(_) => "unreadable_model",
            Self::Unknown(_) => "unknown_graph",
        }
    }
}

/// The model at `path`, its tensors as they are stored.
pub(super) fn model(path: &Path) -> Result<Model, EditError> {
    let bytes = std::fs::read(path).map_err(|error| EditError::File(error.to_string()))?;
    Model::decode(Bytes::from(bytes)).map_err(|error| EditError::File(error.to_string()))
}

/// `weights` with the data of all tensors in memory, once they have the sizes of `shape`.
pub(super) fn checked(mut weights: Weights, shape: &DecoderShape, path: &Path) -> Result<Weights, EditError> {
    if !fits(&weights, shape) {
        return Err(EditError::Unknown("its weights have other sizes than the configuration tells"));
    }
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut bytes = 0_usize;
    for tensor in tensors(&mut weights) {
        load(tensor, folder)?;
        bytes = bytes.saturating_add(tensor.raw_data.as_ref().map_or(0, Bytes::len));
    }
    if bytes > BYTES_MAX {
        return Err(EditError::Unknown("it is larger than one file may be"));
    }
    Ok(weights)
}

fn fits(weights: &Weights, shape: &DecoderShape) -> bool {
    let (width, is) = (shape.width(), |tensor: &Tensor, sizes: &[usize]| has_dims(tensor, sizes));
    let square = |linear: &Linear| is(&linear.matrix.tensor, &[width, width]) && has_bias(linear, width);
    let norm = |norm: &Norm| is(&norm.scale, &[width]) && is(&norm.shift, &[width]);
    let attention = |attention: &Attention| {
        let all = [&attention.query, &attention.key, &attention.value, &attention.out];
        norm(&attention.norm) && all.into_iter().all(square)
    };
    let tables = is(&weights.tokens, &[shape.vocabulary, width]) && is(&weights.positions, &[shape.context, width]);
    let ends =
        norm(&weights.norm) && weights.projection.as_ref().is_none_or(|p| width_out(p) == Some(shape.vocabulary));
    let layers = weights.layers.iter().all(|layer| {
        let ends = norm(&layer.norm) && width_out(&layer.shrink) == Some(width);
        attention(&layer.own) && attention(&layer.cross) && ends
    });
    tables && ends && layers && weights.layers.len() == shape.layers
}

fn has_dims(tensor: &Tensor, sizes: &[usize]) -> bool {
    let dims = tensor.dims.iter().map(|&dim| usize::try_from(dim).ok());
    tensor.dims.len() == sizes.len() && dims.zip(sizes).all(|(dim, size)| dim == Some(*size))
}

fn has_bias(linear: &Linear, width: usize) -> bool {
    linear.bias.as_ref().is_none_or(|bias| has_dims(bias, &[width]))
}

fn tensors(weights: &mut Weights) -> Vec<&mut Tensor> {
    let mut all = vec![&mut weights.tokens, &mut weights.positions];
    push_norm(&mut all, &mut weights.norm);
    weights.projection.iter_mut().for_each(|linear| push_linear(&mut all, linear));
    for layer in &mut weights.layers {
        for attention in [&mut layer.own, &mut layer.cross] {
            push_norm(&mut all, &mut attention.norm);
            let parts = [&mut attention.query, &mut attention.key, &mut attention.value, &mut attention.out];
            parts.into_iter().for_each(|linear| push_linear(&mut all, linear));
        }
        push_norm(&mut all, &mut layer.norm);
        push_linear(&mut all, &mut layer.grow);
        push_linear(&mut all, &mut layer.shrink);
    }
    all
}

fn push_norm<'a>(all: &mut Vec<&'a mut Tensor>, norm: &'a mut Norm) {
    all.extend([&mut norm.scale, &mut norm.shift]);
}

fn push_linear<'a>(all: &mut Vec<&'a mut Tensor>, linear: &'a mut Linear) {
    all.push(&mut linear.matrix.tensor);
    all.extend(linear.bias.as_mut());
}

/// Reads the bytes that lie beside the model into the tensor, and checks that there are as many as its sizes say.
fn load(tensor: &mut Tensor, folder: &Path) -> Result<(), EditError> {
    let size = match tensor.data_type {
        1 => 4,
        10 | 16 => 2,
        _ => return Err(EditError::Unknown("its weights are no floating-point numbers")),
    };
    let damaged = || EditError::File(format!("the tensor `{}` does not hold what it declares", tensor.name));
    let count = tensor.dims.iter().try_fold(size, |count: usize, &dim| count.checked_mul(usize::try_from(dim).ok()?));
    let length = count.filter(|&length| length <= BYTES_MAX).ok_or_else(damaged)?;
    if tensor.data_location == 1 {
        let bytes = external(tensor, folder, length)?;
        tensor.raw_data = Some(bytes);
        (tensor.data_location, tensor.external_data) = (0, Vec::new());
    } else if tensor.raw_data.is_none() && tensor.data_type == 1 {
        let floats = std::mem::take(&mut tensor.float_data);
        tensor.raw_data = Some(floats.into_iter().flat_map(f32::to_le_bytes).collect::<Vec<u8>>().into());
    }
    match &tensor.raw_data {
        Some(bytes) if bytes.len() == length => Ok(()),
        _ => Err(EditError::File(format!("the tensor `{}` does not hold what it declares", tensor.name))),
    }
}

fn external(tensor: &Tensor, folder: &Path, length: usize) -> Result<Bytes, EditError> {
    let failed = |reason: String| EditError::File(format!("data beside it: {reason}"));
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
