//! The ports of the two graphs that are made of an export.

use super::graph::{DecoderShape, names};
use super::parts::{check, find, input, output};
use samovar_engine_api::{ElementType, Signature};
use samovar_runtime::ContractError;

/// Where everything enters and leaves; lists by layer, keys before values.
#[derive(Debug)]
pub(super) struct SteppedPorts {
    /// The graph that makes a window's caches.
    pub(super) encoded: usize,
    pub(super) made: Vec<usize>,
    /// The graph that is stepped.
    pub(super) tokens: usize,
    pub(super) positions: usize,
    pub(super) mask: usize,
    pub(super) logit_columns: usize,
    pub(super) text: Vec<usize>,
    pub(super) sound: Vec<usize>,
    pub(super) new: Vec<usize>,
    pub(super) logits: usize,
    pub(super) queries: Option<usize>,
    pub(super) cache: ElementType,
}

impl SteppedPorts {
    /// Whether the two are the graphs that are made here.
    pub(super) fn are_those_of(cross: &Signature, step: &Signature) -> bool {
        find(&cross.inputs, names::ENCODED).is_some() && find(&step.inputs, names::LOGIT_COLUMNS).is_some()
    }

    /// Binds them.
    ///
    /// # Errors
    /// A port that is missing or has another size.
    pub(super) fn bind(cross: &Signature, step: &Signature, shape: &DecoderShape) -> Result<Self, ContractError> {
        let layers = || (0..shape.layers).flat_map(|layer| names::PARTS.map(|part| (layer, part)));
        let list = |place: &dyn Fn(usize, &str) -> Result<usize, ContractError>| {
            layers().map(|(layer, part)| place(layer, part)).collect::<Result<Vec<_>, _>>()
        };
        let sound = list(&|layer, part| input(step, &names::sound(layer, part)))?;
        for (index, &port) in sound.iter().enumerate() {
            let [heads, places, numbers] = shape.sound_axes(index).map(Some);
            check(&step.inputs[port], &[None, heads, places, numbers])?;
        }
        let text = list(&|layer, part| input(step, &names::text(layer, part)))?;
        let size = [None, Some(shape.heads), None, Some(shape.head_width)];
        text.iter().try_for_each(|&port| check(&step.inputs[port], &size))?;
        let cache = sound.first().map_or(ElementType::F32, |&port| step.inputs[port].element);
        let logits = output(step, names::LOGITS)?;
        check(&step.outputs[logits], &[None, None, Some(shape.vocabulary)])?;
        Ok(Self {
            encoded: input(cross, names::ENCODED)?,
            made: list(&|layer, part| output(cross, &names::sound(layer, part)))?,
            tokens: input(step, names::TOKENS)?,
            positions: input(step, names::POSITIONS)?,
            mask: input(step, names::MASK)?,
            logit_columns: input(step, names::LOGIT_COLUMNS)?,
            text,
            sound,
            new: list(&|layer, part| output(step, &names::new(layer, part)))?,
            logits,
            queries: find(&step.outputs, names::QUERIES),
            cache,
        })
    }
}
