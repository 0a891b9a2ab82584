//! Which of the two designs a tower is of.

use super::tower_assets::TowerAssets;
use samovar_engine_api::Signature;
use samovar_runtime::ContractError;
use serde_json::Value;

/// Which of the two designs a tower is of: they differ in what texts and pictures look like to them, and in what a logit means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TowerArchitecture {
    /// OpenAI's CLIP and those trained like it.
    Clip,
    /// Google's SigLIP, and SigLIP 2 of fixed input size.
    Siglip,
}

impl TowerArchitecture {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Clip => "clip",
            Self::Siglip => "siglip",
        }
    }

    /// By the `model_type` of `config.json`; none where it names another design, or there is no such file.
    pub(crate) fn configured(assets: &TowerAssets) -> Result<Option<Self>, ContractError> {
        let config = assets.json("config.json")?;
        Ok(config.as_ref().and_then(|config| config["model_type"].as_str()).and_then(Self::of_model_type))
    }

    /// By the vectors' name, where no file says: only SigLIP's are the pooler's output.
    pub(crate) fn guessed(signature: &Signature) -> Self {
        let has = |name: &str| signature.outputs.iter().any(|port| port.name == name);
        let is_pooled = has("pooler_output") && !has("image_embeds") && !has("text_embeds");
        if is_pooled { Self::Siglip } else { Self::Clip }
    }

    fn of_model_type(model_type: &str) -> Option<Self> {
        let design = model_type.split('_').next().unwrap_or_default();
        [Self::Clip, Self::Siglip].into_iter().find(|architecture| architecture.name() == design)
    }
}

/// The part of `config.json` that describes one tower: nested where the file describes both.
pub(crate) fn tower_config<'a>(config: &'a Value, part: &str) -> &'a Value {
    config.get(part).unwrap_or(config)
}
