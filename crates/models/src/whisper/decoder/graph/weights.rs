//! The weights of a Whisper decoder by their part in it, whatever their names in the file.

use super::proto::Tensor;
use crate::lora::Place;

/// A stored matrix; `turned` where its rows are what comes out (`[out, in]`), as the checkpoint has it, and not what goes in.
#[derive(Clone, Debug)]
pub(super) struct Matrix {
    pub(super) tensor: Tensor,
    pub(super) turned: bool,
}

/// `x · matrix + bias`.
#[derive(Clone, Debug)]
pub(super) struct Linear {
    pub(super) matrix: Matrix,
    pub(super) bias: Option<Tensor>,
}

/// A layer normalisation.
#[derive(Clone, Debug)]
pub(super) struct Norm {
    pub(super) scale: Tensor,
    pub(super) shift: Tensor,
}

/// One attention and the normalisation before it.
#[derive(Clone, Debug)]
pub(super) struct Attention {
    pub(super) norm: Norm,
    pub(super) query: Linear,
    pub(super) key: Linear,
    pub(super) value: Linear,
    pub(super) out: Linear,
}

/// One layer: attention to the text, attention to the sound, two linear layers.
#[derive(Clone, Debug)]
pub(super) struct Layer {
    pub(super) own: Attention,
    pub(super) cross: Attention,
    pub(super) norm: Norm,
    pub(super) grow: Linear,
    pub(super) shrink: Linear,
}

/// A whole decoder.
#[derive(Clone, Debug)]
pub(super) struct Weights {
    /// `[vocabulary, width]`.
    pub(super) tokens: Tensor,
    /// `[context, width]`.
    pub(super) positions: Tensor,
    pub(super) layers: Vec<Layer>,
    pub(super) norm: Norm,
    /// To the logits; none where it is the table of tokens once more.
    pub(super) projection: Option<Linear>,
}

impl Weights {
    /// The stored matrices by the paths of their modules in a checkpoint.
    pub(super) fn places(&self) -> Vec<Place> {
        let layers = self.layers.iter().enumerate().flat_map(|(index, layer)| layer.places(&format!("layers.{index}")));
        let projection = self.projection.iter().map(|linear| linear.place("proj_out".to_owned()));
        layers.chain(projection).collect()
    }
}

impl Layer {
    fn places(&self, path: &str) -> Vec<Place> {
        let attention = |name: &str, attention: &Attention| {
            let parts = [
                ("q_proj", &attention.query),
                ("k_proj", &attention.key),
                ("v_proj", &attention.value),
                ("out_proj", &attention.out),
            ];
            parts.map(|(part, linear)| linear.place(format!("{path}.{name}.{part}")))
        };
        let ends =
            [("fc1", &self.grow), ("fc2", &self.shrink)].map(|(name, linear)| linear.place(format!("{path}.{name}")));
        let attentions = [attention("self_attn", &self.own), attention("encoder_attn", &self.cross)];
        attentions.into_iter().flatten().chain(ends).collect()
    }
}

impl Linear {
    fn place(&self, path: String) -> Place {
        Place { path, tensor: self.matrix.tensor.name.clone() }
    }
}
