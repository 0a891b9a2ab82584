//! A Whisper's graphs, bound: which form its decoder has, and where everything enters and leaves.

use super::super::Checkpoint;
use super::graph::DecoderShape;
use super::parts::{check, input, output};
use super::plain_ports::PlainPorts;
use super::stepped_ports::SteppedPorts;
use samovar_engine_api::{ElementType, Signature};
use samovar_runtime::ContractError;

/// The form of a decoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GraphForm {
    /// The two graphs of [`super::StepGraphs`], in this order: the one for windows and the one for steps.
    Stepped,
    /// The usual export's two graphs, in this order: `decoder_model` and `decoder_with_past_model`.
    Split,
    /// The usual export's one graph for both: `decoder_model_merged`.
    Merged,
}

impl GraphForm {
    /// Graphs of the decoder.
    pub const fn parts(self) -> usize {
        match self {
            Self::Stepped | Self::Split => 2,
            Self::Merged => 1,
        }
    }
}

/// The graphs of one checkpoint, bound to their signatures.
#[derive(Debug)]
pub struct Graphs {
    pub(super) shape: DecoderShape,
    pub(super) encoder: EncoderPorts,
    pub(super) decoder: DecoderPorts,
}

/// Where everything enters and leaves the encoder.
#[derive(Debug)]
pub(in crate::whisper) struct EncoderPorts {
    pub(in crate::whisper) input: usize,
    pub(in crate::whisper) output: usize,
    pub(in crate::whisper) element: ElementType,
    pub(super) mels: usize,
    pub(super) frames: usize,
}

#[derive(Debug)]
pub(super) enum DecoderPorts {
    Stepped(SteppedPorts),
    Plain(PlainPorts),
}

impl Graphs {
    /// Binds the encoder (`input_features` `[batch, mels, 3000]` to `last_hidden_state` `[batch, 1500, width]`) and the decoder's graphs
    /// in the order that [`GraphForm`] tells.
    ///
    /// # Errors
    /// What was found, and what is expected.
    pub fn bind(encoder: &Signature, decoders: &[Signature], checkpoint: &Checkpoint) -> Result<Self, ContractError> {
        let shape = DecoderShape::of(checkpoint, ElementType::F32);
        let encoder = EncoderPorts::bind(encoder, checkpoint)?;
        let decoder = match decoders {
            [cross, step] if SteppedPorts::are_those_of(cross, step) => {
                DecoderPorts::Stepped(SteppedPorts::bind(cross, step, &shape)?)
            }
            [merged] => DecoderPorts::Plain(PlainPorts::merged(merged, &shape)?),
            [prompt, step] => DecoderPorts::Plain(PlainPorts::split(prompt, step, &shape)?),
            other => {
                return Err(ContractError(format!(
                    "a decoder has one graph (merged) or two (with and without past keys and values), not {}",
                    other.len()
                )));
            }
        };
        let cache = match &decoder {
            DecoderPorts::Stepped(ports) => ports.cache,
            DecoderPorts::Plain(ports) => ports.cache,
        };
        Ok(Self { shape: DecoderShape { cache, ..shape }, encoder, decoder })
    }

    /// The decoder's form.
    pub const fn form(&self) -> GraphForm {
        match &self.decoder {
            DecoderPorts::Stepped(_) => GraphForm::Stepped,
            DecoderPorts::Plain(ports) if ports.is_merged => GraphForm::Merged,
            DecoderPorts::Plain(_) => GraphForm::Split,
        }
    }

    /// What the decoder rounds the encoder's output to before anything else: the type of its caches, where it was made for that.
    pub(in crate::whisper) const fn hidden_element(&self) -> ElementType {
        match &self.decoder {
            DecoderPorts::Stepped(ports) => ports.cache,
            DecoderPorts::Plain(_) => ElementType::F32,
        }
    }

    /// The decoder's sizes.
    pub const fn shape(&self) -> &DecoderShape {
        &self.shape
    }

    /// Bytes that the caches of one window and one row take at most, in that order. In the plain forms every row has a window's.
    pub const fn cache_bytes(&self) -> (usize, usize) {
        let shape = &self.shape;
        let place = 2 * shape.layers * shape.width() * shape.cache.size_bytes();
        (place * shape.positions, place * shape.context)
    }
}

impl EncoderPorts {
    /// Binds them.
    ///
    /// # Errors
    /// A port that is missing or has another size.
    pub(in crate::whisper) fn bind(signature: &Signature, checkpoint: &Checkpoint) -> Result<Self, ContractError> {
        let (input, output) = (input(signature, "input_features")?, output(signature, "last_hidden_state")?);
        let (mels, frames) = (checkpoint.mels, checkpoint.frames());
        check(&signature.inputs[input], &[None, Some(mels), Some(frames)])?;
        check(&signature.outputs[output], &[None, Some(checkpoint.positions), Some(checkpoint.width)])?;
        Ok(Self { input, output, element: signature.inputs[input].element, mels, frames })
    }
}
