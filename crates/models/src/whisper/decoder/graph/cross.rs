//! The graph that makes a window's caches of the sound: what each layer of the decoder hears, computed once.

use super::builder::{Axis, Builder};
use super::proto::Model;
use super::step::heads;
use super::weights::Weights;
use super::{DecoderShape, names};
use samovar_engine_api::ElementType;

/// The graph of `weights`: the encoder's output `[windows, positions, width]` to keys and values of every layer.
pub(super) fn graph(weights: &Weights, shape: &DecoderShape) -> Model {
    let mut builder = Builder::default();
    let (positions, width) = (Axis::Of(shape.positions), Axis::Of(shape.width()));
    let hidden = builder.input(names::ENCODED, ElementType::F32, &[Axis::Any("windows"), positions, width]);
    let [count, head_width] = [shape.heads, shape.head_width].map(|size| i64::try_from(size).unwrap_or(i64::MAX));
    let by_head = builder.wholes(&[0, -1, count, head_width]);
    let axes = [Axis::Any("windows"), Axis::Of(shape.heads), positions, Axis::Of(shape.head_width)];
    for (layer, weights) in weights.layers.iter().enumerate() {
        for (part, linear) in names::PARTS.into_iter().zip([&weights.cross.key, &weights.cross.value]) {
            let name = format!("layers.{layer}.encoder_attn.{part}");
            let made = heads(&mut builder, &name, linear, (&hidden, &by_head));
            builder.output(&made, &names::sound(layer, part), shape.cache, &axes);
        }
    }
    builder.model("cross")
}
