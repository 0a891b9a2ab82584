//! Holds the weights that were found in a decoder's graph to the sizes of the checkpoint, and takes their data in.

use super::DecoderShape;
use super::find::width_out;
use super::proto::Tensor;
use super::weights::{Attention, Linear, Norm, Weights};
use crate::onnx::{BYTES_MAX, StoredError, take_in};
use bytes::Bytes;
use std::path::Path;

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

impl From<StoredError> for EditError {
    fn from(error: StoredError) -> Self {
        match error {
            StoredError::File(reason) => Self::File(reason),
            StoredError::Unknown(reason) => Self::Unknown(reason),
        }
    }
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

/// `weights` with the data of all tensors in memory and every matrix turned as the engines take it best, once they have the sizes of
/// `shape`.
pub(super) fn checked(mut weights: Weights, shape: &DecoderShape, path: &Path) -> Result<Weights, EditError> {
    if !fits(&weights, shape) {
        return Err(EditError::Unknown("its weights have other sizes than the configuration tells"));
    }
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut bytes = 0_usize;
    for tensor in tensors(&mut weights) {
        take_in(tensor, folder)?;
        bytes = bytes.saturating_add(tensor.raw_data.as_ref().map_or(0, Bytes::len));
    }
    if bytes > BYTES_MAX {
        return Err(EditError::Unknown("it is larger than one file may be"));
    }
    weights.linears().for_each(|linear| linear.matrix.turn());
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
