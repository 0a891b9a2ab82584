//! `[pairs.NAME]` and `[faces]`: models that answer together.

use schemars::JsonSchema;
use serde::Deserialize;

/// Two towers of one CLIP or SigLIP under one name; either may be absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PairSection {
    /// The model that makes vectors of pictures.
    pub image: Option<String>,
    /// The model that makes vectors of texts.
    pub text: Option<String>,
}

/// Which models requests for faces mean that name none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FacesSection {
    /// The model that finds faces. Default: the only one of the family `yunet`, where there is one.
    pub detector: Option<String>,
    /// The model that tells whose face it is. Default: the only one of the family `face-embedding`, where there is one.
    pub embedding: Option<String>,
}

impl PairSection {
    /// Every model that is named: the key and the name.
    pub fn models(&self) -> impl Iterator<Item = (&'static str, &str)> {
        named([("image", &self.image), ("text", &self.text)])
    }
}

impl FacesSection {
    /// Every model that is named: the key and the name.
    pub fn models(&self) -> impl Iterator<Item = (&'static str, &str)> {
        named([("detector", &self.detector), ("embedding", &self.embedding)])
    }
}

fn named<'a>(keys: [(&'static str, &'a Option<String>); 2]) -> impl Iterator<Item = (&'static str, &'a str)> {
    keys.into_iter().filter_map(|(key, model)| Some((key, model.as_deref()?)))
}
