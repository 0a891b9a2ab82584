//! Texts as JSON in the form of Text Embeddings Inference, whose clients ask one server for one model.

use super::ItemsBody;
use super::embedding::{TruncateName, TruncateWord};
use crate::error::ApiError;
use crate::json_body::JsonForm;
use samovar_models::Truncate;
use samovar_service::text::{RerankAnswer, VectorFacts};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What becomes of texts that are too long: refused, unless the client lets them be cut.
fn truncate(whether: Option<bool>, direction: Option<TruncateWord>) -> Truncate {
    match (whether, direction) {
        (Some(true), Some(direction)) => TruncateName::What(direction).into(),
        (Some(true), None) => Truncate::End,
        _ => Truncate::Refuse,
    }
}

/// Asks for vectors.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct TeiEmbedBody {
    /// A text, a list of texts, or lists of tokens.
    #[schema(value_type = Vec<String>, example = json!(["What is a samovar?"]))]
    pub(crate) inputs: ItemsBody,
    /// Whether texts that are too long are cut: they are refused where left out.
    truncate: Option<bool>,
    /// Which end is cut: `Right` where left out.
    truncation_direction: Option<TruncateWord>,
    /// The model's prompt of that name is put before each text.
    pub(crate) prompt_name: Option<String>,
    /// Whether vectors have length 1: they do where left out.
    pub(crate) normalize: Option<bool>,
    /// The first so many numbers of each vector alone.
    pub(crate) dimensions: Option<usize>,
}

impl JsonForm for TeiEmbedBody {
    const FIELDS: &'static [&'static str] =
        &["inputs", "truncate", "truncation_direction", "prompt_name", "normalize", "dimensions"];
    const LIKE: &'static str = "{\"inputs\": [\"a text\"]}";
}

impl TeiEmbedBody {
    pub(crate) fn truncate(&self) -> Truncate {
        truncate(self.truncate, self.truncation_direction)
    }
}

/// Asks for texts in the order in which they answer a query.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct TeiRerankBody {
    /// What is asked.
    pub(crate) query: String,
    /// What may answer it.
    pub(crate) texts: Vec<String>,
    /// Whether texts that are too long are cut: they are refused where left out.
    truncate: Option<bool>,
    /// Which end is cut: `Right` where left out.
    truncation_direction: Option<TruncateWord>,
    /// A cross-encoder's number as it is, in place of a share of 1.
    #[serde(default)]
    pub(crate) raw_scores: bool,
    /// Whether the texts are told with their places.
    #[serde(default)]
    pub(crate) return_text: bool,
}

impl JsonForm for TeiRerankBody {
    const FIELDS: &'static [&'static str] =
        &["query", "texts", "truncate", "truncation_direction", "raw_scores", "return_text"];
    const LIKE: &'static str = "{\"query\": \"…\", \"texts\": [\"…\", \"…\"]}";
}

impl TeiRerankBody {
    pub(crate) fn truncate(&self) -> Truncate {
        truncate(self.truncate, self.truncation_direction)
    }
}

/// Asks how alike sentences are to one.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct TeiSimilarityBody {
    /// What is compared.
    pub(crate) inputs: TeiSentences,
}

/// One sentence, and those that it is compared with.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct TeiSentences {
    /// The one.
    pub(crate) source_sentence: String,
    /// The others.
    pub(crate) sentences: Vec<String>,
}

impl JsonForm for TeiSimilarityBody {
    const FIELDS: &'static [&'static str] = &["inputs", "parameters"];
    const LIKE: &'static str = "{\"inputs\": {\"source_sentence\": \"…\", \"sentences\": [\"…\"]}}";
}

/// The weight of one token.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TeiSparseValue {
    /// Its number in the vocabulary.
    pub(crate) index: u32,
    /// Its weight.
    pub(crate) value: f32,
}

/// The place of one text.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TeiRank {
    /// Which of the texts.
    index: usize,
    /// How well it answers.
    score: f32,
    /// The text, where it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
}

impl TeiRank {
    /// All of them, the best first.
    pub(crate) fn list(answer: &RerankAnswer, texts: Option<&[String]>) -> Vec<Self> {
        let text = |index: usize| texts.and_then(|texts| texts.get(index)).cloned();
        let rank = |place: &samovar_service::text::Ranked| Self {
            index: place.index,
            score: place.score,
            text: text(place.index),
        };
        answer.ranked.iter().map(rank).collect()
    }
}

/// What the model is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TeiInfo {
    /// Its configured name.
    pub(crate) model_id: String,
    /// Its version is in `/v1/models`.
    pub(crate) model_sha: Option<String>,
    /// The arithmetic of its hot layers.
    #[schema(example = "float32")]
    pub(crate) model_dtype: &'static str,
    /// `{"embedding": {"pooling": "mean"}}`, or `{"reranker": …}`.
    #[schema(value_type = Object)]
    pub(crate) model_type: serde_json::Value,
    /// Requests at the same time on one connection.
    pub(crate) max_concurrent_requests: u32,
    /// Tokens of one text at most.
    pub(crate) max_input_length: usize,
    /// Texts of one request at most.
    pub(crate) max_client_batch_size: usize,
    /// Whether texts that are too long are cut where nobody says so.
    pub(crate) auto_truncate: bool,
    /// The server's version.
    pub(crate) version: &'static str,
}

impl TeiInfo {
    /// The kind of a model, as its facts have it.
    pub(crate) fn model_type(facts: &VectorFacts) -> serde_json::Value {
        match facts.pooling {
            Some(pooling) => serde_json::json!({"embedding": {"pooling": pooling.name()}}),
            None => serde_json::json!({"reranker": {"id2label": {"0": "LABEL_0"}, "label2id": {"LABEL_0": 0}}}),
        }
    }
}

/// Why there is no answer.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TeiError {
    /// For people.
    error: String,
    /// `Empty`, `Validation`, `Tokenizer`, `Overloaded`, `Unhealthy` or `Backend`.
    #[schema(example = "Validation")]
    error_type: &'static str,
    /// For programs; the same code as in every other form.
    #[schema(example = "text_too_long")]
    code: &'static str,
}

impl From<&ApiError> for TeiError {
    fn from(error: &ApiError) -> Self {
        let error_type = match (error.code(), error.status().as_u16()) {
            ("empty_input" | "text_empty", _) => "Empty",
            ("text_unreadable" | "invalid_text" | "unknown_token", _) => "Tokenizer",
            (_, 429) => "Overloaded",
            (_, 503) => "Unhealthy",
            (_, status) if status < 500 => "Validation",
            _ => "Backend",
        };
        Self { error: error.sentence(), error_type, code: error.code() }
    }
}
