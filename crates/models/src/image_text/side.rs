//! Which tower a graph is, by what it takes, and whether it can be anything else.

use super::TowerArchitecture;
use super::tower_assets::TowerAssets;
use crate::{FamilyHints, FamilyKind};
use samovar_engine_api::{Dim, ElementType, Port, Signature};
use samovar_runtime::ContractError;

/// One of the two towers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Image,
    Text,
}

impl Side {
    /// The tower that takes the inputs of `signature`.
    ///
    /// # Errors
    /// Both at once, or neither.
    pub(crate) fn of(signature: &Signature) -> Result<Self, ContractError> {
        if is_merged(signature) {
            return Err(merged());
        }
        match signature.inputs.as_slice() {
            [port] if is_picture(port) => Ok(Self::Image),
            [first, rest @ ..] if is_tokens(first) && rest.iter().all(is_tokens) => Ok(Self::Text),
            _ => Err(neither(signature)),
        }
    }

    /// The name that transformers gives its projected vectors.
    pub(crate) const fn embeds(self) -> &'static str {
        match self {
            Self::Image => "image_embeds",
            Self::Text => "text_embeds",
        }
    }

    /// The design of the tower with this signature: what `config.json` says, else what its output's name tells.
    ///
    /// # Errors
    /// A model that may as well be of another family, where none is configured.
    pub(crate) fn architecture(
        self,
        signature: &Signature,
        hints: &FamilyHints,
        assets: &TowerAssets,
    ) -> Result<TowerArchitecture, ContractError> {
        let told = TowerArchitecture::configured(assets)?;
        let is_named = signature.outputs.iter().any(|port| port.name == self.embeds() && is_vector(port));
        let is_siglip = told == Some(TowerArchitecture::Siglip);
        if hints.family == Some(FamilyKind::ImageTextEmbedding) || is_named || is_siglip {
            return Ok(told.unwrap_or_else(|| TowerArchitecture::guessed(signature)));
        }
        Err(ContractError(
            "the model may as well be of another family; set `family = \"image-text-embedding\"` where it is a tower of CLIP or SigLIP"
                .to_owned(),
        ))
    }
}

/// Whether pictures and texts go in together.
pub(crate) fn is_merged(signature: &Signature) -> bool {
    signature.inputs.iter().any(is_picture) && signature.inputs.iter().any(is_tokens)
}

/// Whether it holds a vector for each row.
pub(crate) fn is_vector(port: &Port) -> bool {
    port.dims.len() == 2 && is_number(port)
}

/// All of them, for a sentence.
pub(crate) fn list(ports: &[Port]) -> String {
    let ports: Vec<String> = ports.iter().map(|port| format!("`{port}`")).collect();
    ports.join(", ")
}

fn is_picture(port: &Port) -> bool {
    let color = port.dims.get(1).is_some_and(|channels| matches!(channels, Dim::Fixed(3) | Dim::Dynamic(_)));
    port.dims.len() == 4 && color && is_number(port)
}

fn is_tokens(port: &Port) -> bool {
    port.dims.len() == 2 && matches!(port.element, ElementType::I64 | ElementType::I32)
}

const fn is_number(port: &Port) -> bool {
    matches!(port.element, ElementType::F32 | ElementType::F16)
}

fn merged() -> ContractError {
    ContractError(
        "the graph takes pictures and texts at once and would compute both for either, as `optimum-cli export onnx` writes \
         CLIP and SigLIP; export each tower by itself: `python tools/export_towers.py CHECKPOINT FOLDER` writes \
         `vision_model.onnx` and `text_model.onnx`; or take those two files where they are published beside the merged one"
            .to_owned(),
    )
}

fn neither(signature: &Signature) -> ContractError {
    ContractError(format!(
        "the model is neither tower of CLIP or SigLIP: found inputs {}. Expected pictures alone, `pixel_values [batch, 3, height, \
         width]`, or tokens alone, `input_ids [batch, sequence]` and perhaps `attention_mask`",
        list(&signature.inputs)
    ))
}
