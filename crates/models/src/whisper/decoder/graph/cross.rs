//! The graph that makes a window's caches of the sound: what each layer of the decoder hears, computed once.

use super::builder::{Axis, Builder, list};
use super::proto::Model;
use super::step::linear;
use super::weights::Weights;
use super::{DecoderShape, names};
use samovar_engine_api::ElementType;

/// The graph of `weights`: the encoder's output `[windows, positions, width]` to keys and values of every layer.
pub(super) fn graph(weights: &Weights, shape: &DecoderShape) -> Model {
    let mut builder = Builder::default();
    let (positions, width) = (Axis::Of(shape.positions), Axis::Of(shape.width()));
    let hidden = builder.input(names::ENCODED, ElementType::F32, &[Axis::Any("windows"), positions, width]);
    let [count, size] = [shape.heads, shape.head_width].map(|size| i64::try_from(size).unwrap_or(i64::MAX));
    let by_head = builder.wholes(&[0, -1, count, size]);
    let (windows, heads, head_width) = (Axis::Any("windows"), Axis::Of(shape.heads), Axis::Of(shape.head_width));
    let sides = [
        ([0, 2, 1, 3], [windows, heads, positions, head_width]),
        ([0, 2, 3, 1], [windows, heads, head_width, positions]),
    ];
    for (layer, weights) in weights.layers.iter().enumerate() {
        let parts = names::PARTS.into_iter().zip([&weights.cross.key, &weights.cross.value]);
        for ((part, weights), (order, axes)) in parts.zip(sides) {
            let made = linear(&mut builder, &format!("layers.{layer}.encoder_attn.{part}"), weights, &hidden);
            let split = builder.node("Reshape", &[&made, &by_head], Vec::new());
            let made = builder.node("Transpose", &[&split], vec![list("perm", &order)]);
            builder.output(&made, &names::sound(layer, part), shape.cache, &axes);
        }
    }
    builder.model("cross")
}
