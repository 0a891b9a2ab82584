//! Makes two graphs out of an exported decoder: one that a batch of rows is stepped with, and one that makes a window's caches.
//!
//! The usual exports hold the decoder's weights twice (with and without past keys and values), give all keys and values back at every
//! step, and know one position for all rows. These hold them once, give back what is new, and let rows join and leave at any step.

mod builder;
mod cross;
mod find;
mod flow;
pub(super) mod names;
mod read;
mod step;
mod weights;

use super::super::Checkpoint;
use crate::lora::Place;
use crate::onnx::{self, proto};
use prost::Message;
use proto::Model;
use samovar_engine_api::ElementType;
use std::path::Path;
use weights::Weights;

pub use read::EditError;

/// The sizes of a decoder and what its caches hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecoderShape {
    /// Layers.
    pub layers: usize,
    /// Heads of each layer.
    pub heads: usize,
    /// Numbers of one head.
    pub head_width: usize,
    /// Places of the encoder's output: 1,500.
    pub positions: usize,
    /// Tokens that the decoder has positions for: 448.
    pub context: usize,
    /// Logits of each step.
    pub vocabulary: usize,
    /// Layer and head of those that tell where tokens sound, by layer.
    pub alignment_heads: Vec<(usize, usize)>,
    /// The type of keys and values: f32, or bf16 where the engine computes in that.
    pub cache: ElementType,
}

impl DecoderShape {
    /// The sizes that `checkpoint` tells, with caches of `cache`.
    pub fn of(checkpoint: &Checkpoint, cache: ElementType) -> Self {
        let mut alignment_heads = checkpoint.alignment_heads.clone();
        alignment_heads.sort_unstable();
        Self {
            layers: checkpoint.decoder_layers,
            heads: checkpoint.decoder_heads,
            head_width: checkpoint.head_width(),
            positions: checkpoint.positions,
            context: checkpoint.tokens_max,
            vocabulary: checkpoint.vocabulary_size,
            alignment_heads,
            cache,
        }
    }

    /// The axes of a window's cache of the sound, `index` of a list by layer with keys before values: values lie the other way round.
    pub(super) const fn sound_axes(&self, index: usize) -> [usize; 3] {
        if index.is_multiple_of(2) {
            [self.heads, self.positions, self.head_width]
        } else {
            [self.heads, self.head_width, self.positions]
        }
    }

    /// Numbers of a hidden state.
    pub const fn width(&self) -> usize {
        self.heads * self.head_width
    }
}

/// The decoder's linear layers, found by what they do: for exports that name neither nodes nor weights after their modules. None where the
/// graph is written in a way that is not known here.
pub(in crate::whisper) fn module_places(model: &Model) -> Vec<Place> {
    let found = model.graph.as_ref().and_then(find::weights);
    found.iter().flat_map(Weights::places).collect()
}

/// The two graphs as the bytes of ONNX files.
#[derive(Debug)]
pub struct StepGraphs {
    /// The encoder's output to a window's caches.
    pub cross: Vec<u8>,
    /// Tokens and caches to logits and what the caches grow by.
    pub step: Vec<u8>,
}

impl StepGraphs {
    /// Makes them of the decoder at `path`: the one for prompts of a split export (`decoder_model.onnx`), or a merged one.
    ///
    /// # Errors
    /// A file that cannot be read; `Unknown` where the graph is no Whisper decoder that is known here (fused, quantised): it runs as it
    /// was exported.
    pub fn of(path: &Path, shape: &DecoderShape) -> Result<Self, EditError> {
        Self::of_model(onnx::read(path)?, shape, path)
    }

    /// The same of a model that was read from `path`.
    pub(in crate::whisper) fn of_model(mut model: Model, shape: &DecoderShape, path: &Path) -> Result<Self, EditError> {
        let graph = model.graph.take().ok_or(EditError::Unknown("it holds no graph"))?;
        let found = find::weights(&graph).ok_or(EditError::Unknown("it is fused, quantised or no Whisper"))?;
        drop(graph);
        let weights = read::checked(found, shape, path)?;
        Ok(Self {
            cross: cross::graph(&weights, shape).encode_to_vec(),
            step: step::graph(&weights, shape).encode_to_vec(),
        })
    }
}
