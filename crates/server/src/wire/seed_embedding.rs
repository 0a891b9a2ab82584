//! The short forms: one text or one picture in, one vector out.

use super::{ImageBytes, ItemsBody};
use crate::error::{ApiError, Refusal};
use crate::json_body::JsonForm;
use samovar_service::text::Embedded;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Asks for the vector of a text, or for those of several.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TextBody {
    /// One text.
    #[schema(example = "a person on a bicycle")]
    text: Option<String>,
    /// Several texts, in place of `text`.
    #[schema(value_type = Option<Vec<String>>)]
    texts: Option<ItemsBody>,
    /// The configured name of a model or of a pair. Without it the only pair, else the only model of texts.
    pub(crate) model: Option<String>,
}

impl JsonForm for TextBody {
    const FIELDS: &'static [&'static str] = &["text", "texts", "model"];
    const LIKE: &'static str = "{\"text\": \"a text\"}";
}

impl TextBody {
    /// The texts, and whether there are several.
    ///
    /// # Errors
    /// Both fields, or none.
    pub(crate) fn input(self) -> Result<(ItemsBody, bool), ApiError> {
        match (self.text, self.texts) {
            (Some(text), None) => Ok((text.into(), false)),
            (None, Some(texts)) => Ok((texts, true)),
            _ => Err(ApiError::new(Refusal::Body, "the body has one of `text` and `texts`").about("text")),
        }
    }
}

/// A picture in JSON.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PictureBody {
    /// The picture in base64, with or without `data:image/…;base64,` before it.
    #[schema(value_type = String)]
    pub(crate) image: ImageBytes,
}

impl JsonForm for PictureBody {
    const FIELDS: &'static [&'static str] = &["image"];
    const LIKE: &'static str = "{\"image\": \"base64\"}, or send the picture itself";
}

/// A vector, or several.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct VectorAnswer {
    /// The vector of the one text or picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    embedding: Option<Vec<f32>>,
    /// The vectors of several texts, in their order.
    #[serde(skip_serializing_if = "Option::is_none")]
    embeddings: Option<Vec<Vec<f32>>>,
    /// Numbers of a vector.
    #[schema(example = 384)]
    dimension: usize,
}

impl VectorAnswer {
    pub(crate) fn new(items: Vec<Embedded>, several: bool) -> Self {
        let mut vectors: Vec<Vec<f32>> = items.into_iter().filter_map(|item| item.dense).collect();
        let dimension = vectors.first().map_or(0, Vec::len);
        let embedding = if several { None } else { vectors.pop() };
        Self { embedding, embeddings: several.then_some(vectors), dimension }
    }
}
