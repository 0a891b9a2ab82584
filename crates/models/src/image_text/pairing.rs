//! How well pictures and texts go together: the scale and the bias that two towers were trained with, and what becomes of a cosine by them.
//!
//! CLIP (Radford et al. 2021, arXiv:2103.00020): softmax over the texts of `scale × cosine`. SigLIP (Zhai et al. 2023,
//! arXiv:2303.15343): for each pair by itself, sigmoid of `scale × cosine + bias`.

use crate::Embedding;

/// What makes probabilities out of cosines.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pairing {
    /// Factor of the cosine: e to the power of the checkpoint's `logit_scale`.
    pub scale: f32,
    /// Added to the scaled cosine: the checkpoint's `logit_bias`; 0 for CLIP, which has none.
    pub bias: f32,
    /// From logits to probabilities.
    pub activation: Activation,
}

/// From logits to probabilities.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Activation {
    /// All labels of a picture share 1: CLIP. More labels make each less probable.
    Softmax,
    /// Each label by itself, 0 to 1: SigLIP. None may fit, or several.
    Sigmoid,
}

/// Why two towers give no probabilities. Similarities they give where they have the same width.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PairingError {
    /// Scale and bias were trained and are in neither file.
    #[error(
        "the scale and the bias that these towers were trained with are not known; put `pairing.json` with `logit_scale` and \
         `logit_bias` of the checkpoint beside the graph (`tools/pairing.py` writes it), or ask for similarities"
    )]
    Unknown,
    /// The towers have other numbers, so that they do not come from the same checkpoint.
    #[error("the two towers were trained with different scales; take both from the same checkpoint")]
    Differs,
    /// The vectors have other widths, so that they do not come from the same checkpoint.
    #[error("the two towers give vectors of different widths; take both from the same checkpoint")]
    Widths,
}

impl PairingError {
    /// The stable machine code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unknown => "pairing_unknown",
            Self::Differs | Self::Widths => "towers_differ",
        }
    }
}

impl Pairing {
    /// CLIP's: a scale of 100, at which its training clamps it, and softmax.
    pub const CLIP: Self = Self { scale: 100.0, bias: 0.0, activation: Activation::Softmax };

    /// What holds for two towers, of which either may know it.
    ///
    /// # Errors
    /// `Unknown` where neither does, `Differs` where they contradict each other.
    pub fn of_towers(image: Option<Self>, text: Option<Self>) -> Result<Self, PairingError> {
        match (image, text) {
            (Some(image), Some(text)) if image != text => Err(PairingError::Differs),
            (Some(pairing), _) | (None, Some(pairing)) => Ok(pairing),
            (None, None) => Err(PairingError::Unknown),
        }
    }

    /// `scale × cosine + bias` of a picture and each text, in their order.
    ///
    /// # Errors
    /// `Widths` where the vectors cannot be of the same pair of towers.
    pub fn logits(&self, image: &Embedding, texts: &[Embedding]) -> Result<Vec<f32>, PairingError> {
        if texts.iter().any(|text| text.0.len() != image.0.len()) {
            return Err(PairingError::Widths);
        }
        Ok(texts.iter().map(|text| self.scale * image.similarity(text) + self.bias).collect())
    }

    /// How probable each text is for a picture, in their order: zero-shot classification, where the texts are labels in a sentence.
    ///
    /// # Errors
    /// As [`Pairing::logits`].
    pub fn zero_shot(&self, image: &Embedding, texts: &[Embedding]) -> Result<Vec<f32>, PairingError> {
        let logits = self.logits(image, texts)?;
        Ok(match self.activation {
            Activation::Softmax => softmax(&logits),
            Activation::Sigmoid => logits.into_iter().map(sigmoid).collect(),
        })
    }
}

fn softmax(logits: &[f32]) -> Vec<f32> {
    let highest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers: Vec<f64> = logits.iter().map(|logit| f64::from(logit - highest).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.into_iter().map(|power| (power / sum) as f32).collect()
}

fn sigmoid(logit: f32) -> f32 {
    (1.0 / (1.0 + f64::from(-logit).exp())) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIGLIP: Pairing = Pairing { scale: 117.3, bias: -12.9, activation: Activation::Sigmoid };

    fn embedding(vector: &[f32]) -> Embedding {
        Embedding::new(vector.to_vec()).unwrap()
    }

    #[test]
    fn softmax_shares_one_and_sigmoid_does_not() {
        let image = embedding(&[1.0, 0.1]);
        let texts = [embedding(&[1.0, 0.1]), embedding(&[1.0, 0.12]), embedding(&[0.0, 1.0])];
        let shared = Pairing::CLIP.zero_shot(&image, &texts).unwrap();
        assert!((shared.iter().sum::<f32>() - 1.0).abs() < 1e-6);
        assert!(shared[0] > shared[1] && shared[1] > shared[2]);
        let each = SIGLIP.zero_shot(&image, &texts).unwrap();
        assert!(each[0] > 0.99 && each[1] > 0.99 && each[2] < 0.5, "{each:?}");
        assert!(Pairing::CLIP.zero_shot(&image, &[]).unwrap().is_empty());
    }

    #[test]
    fn a_single_label_is_certain_by_softmax_alone() {
        let (image, text) = (embedding(&[1.0, 0.0]), [embedding(&[0.0, 1.0])]);
        assert_eq!(Pairing::CLIP.zero_shot(&image, &text).unwrap(), [1.0]);
        assert!(SIGLIP.zero_shot(&image, &text).unwrap()[0] < 1e-5);
    }

    #[test]
    fn vectors_of_other_towers_are_refused() {
        let refused = Pairing::CLIP.zero_shot(&embedding(&[1.0]), &[embedding(&[1.0]), embedding(&[1.0, 0.0])]);
        assert_eq!(refused, Err(PairingError::Widths));
    }

    #[test]
    fn towers_agree_or_give_no_probabilities() {
        assert_eq!(Pairing::of_towers(None, Some(SIGLIP)), Ok(SIGLIP));
        assert_eq!(Pairing::of_towers(Some(Pairing::CLIP), Some(Pairing::CLIP)), Ok(Pairing::CLIP));
        assert_eq!(Pairing::of_towers(Some(Pairing::CLIP), Some(SIGLIP)), Err(PairingError::Differs));
        assert_eq!(Pairing::of_towers(None, None).unwrap_err().code(), "pairing_unknown");
    }
}
