//! What a model of texts or pictures is, for whoever lists models or looks whether two belong together.

use samovar_models::{CrossEncoderModel, Heads, ImageTower, Pairing, Pooling, TextEmbeddingModel, TextTower};
use samovar_runtime::Family;
use std::any::Any;

/// What a model of texts or pictures is; what does not apply is none.
#[derive(Clone, Debug, PartialEq)]
pub struct VectorFacts {
    /// Which tower of a pair it is.
    pub tower: Option<Tower>,
    /// Numbers of its vectors, where the file says so.
    pub dimensions: Option<usize>,
    /// Tokens of one text at most.
    pub tokens_max: Option<usize>,
    /// How the vectors of tokens become one.
    pub pooling: Option<Pooling>,
    /// Whether vectors have length 1.
    pub normalize: Option<bool>,
    /// Which vectors there are.
    pub heads: Option<Heads>,
    /// Names of its prompts.
    pub prompts: Vec<String>,
    /// The scale and the bias that it was trained with.
    pub pairing: Option<Pairing>,
}

/// A tower of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tower {
    /// For pictures.
    Image,
    /// For texts.
    Text,
}

impl Tower {
    /// The word in configuration and output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Text => "text",
        }
    }
}

impl VectorFacts {
    /// The facts of that family; none where it works on neither texts nor pictures for comparing.
    pub fn of(family: &dyn Family) -> Option<Self> {
        let any: &dyn Any = family;
        let text = any.downcast_ref::<TextEmbeddingModel>().map(Self::of_text);
        let cross = || any.downcast_ref::<CrossEncoderModel>().map(Self::of_cross_encoder);
        let image = || any.downcast_ref::<ImageTower>().map(Self::of_image);
        text.or_else(cross).or_else(image).or_else(|| any.downcast_ref::<TextTower>().map(Self::of_caption))
    }

    const fn nothing() -> Self {
        Self {
            tower: None,
            dimensions: None,
            tokens_max: None,
            pooling: None,
            normalize: None,
            heads: None,
            prompts: Vec::new(),
            pairing: None,
        }
    }

    fn of_text(model: &TextEmbeddingModel) -> Self {
        Self {
            dimensions: model.dimensions(),
            tokens_max: Some(model.tokens_max()),
            pooling: Some(model.pooling()),
            normalize: Some(model.normalizes()),
            heads: Some(model.heads()),
            prompts: model.prompts().map(str::to_owned).collect(),
            ..Self::nothing()
        }
    }

    fn of_cross_encoder(model: &CrossEncoderModel) -> Self {
        Self { tokens_max: Some(model.tokens_max()), ..Self::nothing() }
    }

    fn of_image(tower: &ImageTower) -> Self {
        Self { tower: Some(Tower::Image), dimensions: tower.dimensions(), pairing: tower.pairing(), ..Self::nothing() }
    }

    fn of_caption(tower: &TextTower) -> Self {
        Self {
            tower: Some(Tower::Text),
            dimensions: tower.dimensions(),
            tokens_max: Some(tower.tokens_max()),
            pairing: tower.pairing(),
            ..Self::nothing()
        }
    }
}
