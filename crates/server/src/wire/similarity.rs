//! Likenesses and labels as JSON.

use super::embedding::UsageBody;
use super::{ImageBytes, ItemsBody};
use crate::json_body::JsonForm;
use samovar_models::Activation;
use samovar_service::text::{LabelScore, Scoring, SimilarityAnswer, ZeroShotAnswer};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;

/// Asks how alike items are.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SimilarityBody {
    /// The configured name of a model or of a pair. May be left out where there is only one.
    #[schema(example = "minilm")]
    pub(crate) model: Option<String>,
    /// The rows of the table: texts, or `{"image": "data:…"}` for a pair.
    #[schema(value_type = Vec<String>, example = json!(["That is a happy person"]))]
    pub(crate) left: ItemsBody,
    /// Its columns; the rows again where left out.
    #[serde(default)]
    #[schema(value_type = Vec<String>, example = json!(["That is a happy dog", "Today is a sunny day"]))]
    pub(crate) right: ItemsBody,
    /// What is told: `cosine` where left out.
    #[serde(default)]
    pub(crate) scoring: ScoringName,
    /// How long the answer may take, in milliseconds; it only lowers the server's own limit.
    pub(crate) timeout_ms: Option<u64>,
}

impl JsonForm for SimilarityBody {
    const FIELDS: &'static [&'static str] = &["model", "left", "right", "scoring", "timeout_ms"];
    const LIKE: &'static str = "{\"left\": [\"a text\"], \"right\": [\"another\"]}";
}

/// What is told of two items.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ScoringName {
    /// The cosine of their vectors, -1 to 1.
    #[default]
    Cosine,
    /// The cosine by the scale and the bias that the towers of a pair were trained with.
    Logits,
    /// The probability, as the pair was trained: CLIP softmax, SigLIP sigmoid.
    Probabilities,
    /// The columns of a row share 1.
    Softmax,
    /// Each two by themselves.
    Sigmoid,
}

impl From<ScoringName> for Scoring {
    fn from(name: ScoringName) -> Self {
        match name {
            ScoringName::Cosine => Self::Cosine,
            ScoringName::Logits => Self::Logits,
            ScoringName::Probabilities => Self::Probabilities(None),
            ScoringName::Softmax => Self::Probabilities(Some(Activation::Softmax)),
            ScoringName::Sigmoid => Self::Probabilities(Some(Activation::Sigmoid)),
        }
    }
}

/// A table of likenesses.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SimilarityAnswerBody {
    /// The name of the model or of the pair.
    #[schema(value_type = String, example = "minilm")]
    model: Arc<str>,
    /// A row for each item of `left`, a column for each of `right`.
    #[schema(example = json!([[0.695, 0.257]]))]
    scores: Vec<Vec<f32>>,
    /// Tokens.
    usage: UsageBody,
}

impl From<SimilarityAnswer> for SimilarityAnswerBody {
    fn from(answer: SimilarityAnswer) -> Self {
        Self { model: answer.model, scores: answer.scores, usage: UsageBody::new(answer.tokens) }
    }
}

/// Asks which of some labels fits a picture.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ZeroShotBody {
    /// The configured name of a pair. May be left out where there is only one.
    #[schema(example = "clip")]
    pub(crate) model: Option<String>,
    /// The picture in base64, with or without `data:image/…;base64,` before it.
    #[schema(value_type = String)]
    pub(crate) image: ImageBytes,
    /// The labels.
    #[schema(example = json!(["cat", "dog"]))]
    pub(crate) labels: Vec<String>,
    /// The sentence around a label, with `{}` in its place: `a photo of a {}` where left out.
    #[schema(example = "a photo of a {}")]
    pub(crate) template: Option<String>,
    /// Whether several labels may fit: each by itself. As the pair was trained where left out.
    pub(crate) multi_label: Option<bool>,
    /// How long the answer may take, in milliseconds; it only lowers the server's own limit.
    pub(crate) timeout_ms: Option<u64>,
}

impl JsonForm for ZeroShotBody {
    const FIELDS: &'static [&'static str] = &["model", "image", "labels", "template", "multi_label", "timeout_ms"];
    const LIKE: &'static str = "{\"image\": \"data:image/jpeg;base64,…\", \"labels\": [\"cat\", \"dog\"]}";
}

/// How well each label fits, the most probable first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ZeroShotAnswerBody {
    /// The pair's name.
    #[schema(value_type = String, example = "clip")]
    model: Arc<str>,
    /// `softmax`: all labels share 1; `sigmoid`: each by itself.
    #[schema(example = "softmax")]
    activation: &'static str,
    /// The labels.
    labels: Vec<LabelBody>,
}

/// How well one label fits.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LabelBody {
    /// Its place in the request.
    index: usize,
    /// The label.
    #[schema(example = "cat")]
    label: String,
    /// How probable it is, 0 to 1.
    #[schema(example = 0.97)]
    score: f32,
}

impl From<ZeroShotAnswer> for ZeroShotAnswerBody {
    fn from(answer: ZeroShotAnswer) -> Self {
        let activation = match answer.activation {
            Activation::Softmax => "softmax",
            Activation::Sigmoid => "sigmoid",
        };
        let label = |LabelScore { index, label, score }| LabelBody { index, label, score };
        Self { model: answer.model, activation, labels: answer.labels.into_iter().map(label).collect() }
    }
}
