//! The weights of a Whisper decoder by their part in it, whatever their names in the file.

use super::proto::Tensor;

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
