//! Finds a Whisper decoder's weights in an exported graph by how its values flow, since few exports keep the names.
//!
//! Read backwards from the logits: a normalisation, then layer by layer what is added to the stream of hidden states. What does not
//! look like a Whisper decoder (fused or quantised graphs) is not found, and runs as it was exported.

use super::flow::Flow;
use super::proto::{Graph, Tensor};
use super::weights::{Attention, Layer, Linear, Norm, Weights};

/// More layers than any Whisper has.
const LAYERS_MAX: usize = 128;

/// The weights of the decoder that `graph` is; none where it is written in a way that is not known here.
pub(super) fn weights(graph: &Graph) -> Option<Weights> {
    let flow = Flow::new(graph);
    let (projection, normed) = flow.linear("logits")?;
    let (norm, mut stream) = flow.norm(normed)?;
    let mut layers = Vec::new();
    while let Some((layer, before)) = layer(&flow, stream) {
        layers.push(layer);
        stream = before;
        if layers.len() > LAYERS_MAX {
            return None;
        }
    }
    layers.reverse();
    let (tokens, positions) = embeddings(&flow, stream)?;
    let is_tied = projection.matrix.turned && projection.matrix.tensor.name == tokens.name && projection.bias.is_none();
    let projection = (!is_tied).then_some(projection);
    (!layers.is_empty()).then_some(Weights { tokens, positions, layers, norm, projection })
}

/// The layer whose result `stream` is, and the stream before it.
fn layer<'a>(flow: &Flow<'a>, stream: &'a str) -> Option<(Layer, &'a str)> {
    let ((shrink, bent), stream) = flow.one_of(flow.maker(stream)?, Flow::linear)?;
    let (grow, normed) = flow.linear_behind(bent)?;
    let norm = norm_of(flow, normed, stream)?;
    let (cross, stream) = attention(flow, stream)?;
    let (own, stream) = attention(flow, stream)?;
    Some((Layer { own, cross, norm, grow, shrink }, stream))
}

/// The attention that was added to give `stream`, and the stream before it.
fn attention<'a>(flow: &Flow<'a>, stream: &'a str) -> Option<(Attention, &'a str)> {
    let ((out, joined), stream) = flow.one_of(flow.maker(stream)?, Flow::linear)?;
    let (weights, values) = product(flow, joined)?;
    let softmax = flow.behind(weights, |flow, value| flow.maker(value).filter(|node| node.op_type == "Softmax"))?;
    let (queries, keys) = product(flow, softmax.input.first()?)?;
    let (query, normed) = flow.linear_behind(queries)?;
    let ((key, _), (value, _)) = (flow.linear_behind(keys)?, flow.linear_behind(values)?);
    let norm = norm_of(flow, normed, stream)?;
    Some((Attention { norm, query, key, value, out }, stream))
}

/// The two sides of the nearest product of two computed values behind `value`.
fn product<'a>(flow: &Flow<'a>, value: &'a str) -> Option<(&'a str, &'a str)> {
    flow.behind(value, |flow, value| {
        let node = flow.maker(value).filter(|node| node.op_type == "MatMul")?;
        let [left, right] = node.input.as_slice() else { return None };
        flow.matrix(right).is_none().then_some((left.as_str(), right.as_str()))
    })
}

/// The normalisation that gives `normed`, if it is one of `stream`.
fn norm_of<'a>(flow: &Flow<'a>, normed: &'a str, stream: &'a str) -> Option<Norm> {
    let (norm, of) = flow.norm(normed)?;
    (of == stream).then_some(norm)
}

/// The tables of tokens and positions whose rows are added to begin with.
fn embeddings<'a>(flow: &Flow<'a>, stream: &'a str) -> Option<(Tensor, Tensor)> {
    let node = flow.maker(stream).filter(|node| node.op_type == "Add")?;
    let table = |value: &'a str| {
        flow.behind(value, |flow, value| flow.matrix(value).filter(|matrix| matrix.tensor.dims.len() == 2))
    };
    let [left, right] = node.input.as_slice() else { return None };
    let (left, right) = (table(left)?, table(right)?);
    if left.turned || right.turned {
        return None;
    }
    let rows = |tensor: &Tensor| tensor.dims.first().copied().unwrap_or(0);
    let (tokens, positions) = if rows(&left.tensor) >= rows(&right.tensor) {
        (left.tensor, right.tensor)
    } else {
        (right.tensor, left.tensor)
    };
    Some((tokens, positions))
}

/// The width of `linear`'s result.
pub(super) fn width_out(linear: &Linear) -> Option<usize> {
    let dims = &linear.matrix.tensor.dims;
    let size = if linear.matrix.turned { dims.first() } else { dims.get(1) };
    size.and_then(|&size| usize::try_from(size).ok())
}
