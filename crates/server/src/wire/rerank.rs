//! Reranking as JSON: the form of Cohere's and Jina's clients, and that of Text Embeddings Inference.

use super::embedding::{TruncateName, UsageBody};
use crate::json_body::JsonForm;
use samovar_models::HybridWeights;
use samovar_service::text::RerankAnswer;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;

/// Asks for documents in the order in which they answer a query. What clients of Cohere and Jina send beside it is taken and not used.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct RerankBody {
    /// The configured name of a cross-encoder or of a model of texts. May be left out where there is only one.
    #[schema(example = "reranker")]
    pub(crate) model: Option<String>,
    /// What is asked.
    #[schema(example = "What do pandas eat?")]
    pub(crate) query: String,
    /// What may answer it: texts, or objects with `text`.
    #[schema(value_type = Vec<String>, example = json!(["Bamboo, all day long.", "It is sunny today."]))]
    pub(crate) documents: Vec<DocumentBody>,
    /// The best so many alone.
    pub(crate) top_n: Option<usize>,
    /// Whether the documents are told with their places.
    #[serde(default)]
    pub(crate) return_documents: Option<bool>,
    /// A cross-encoder's number as it is, in place of a share of 1.
    pub(crate) raw_scores: Option<bool>,
    /// What becomes of texts that are too long: the end is cut where left out.
    pub(crate) truncate: Option<TruncateName>,
    /// How much each head of BGE-M3 counts.
    pub(crate) weights: Option<WeightsBody>,
    /// How long the answer may take, in milliseconds; it only lowers the server's own limit.
    pub(crate) timeout_ms: Option<u64>,
}

impl JsonForm for RerankBody {
    const FIELDS: &'static [&'static str] = &[
        "model",
        "query",
        "documents",
        "top_n",
        "return_documents",
        "raw_scores",
        "truncate",
        "weights",
        "timeout_ms",
    ];
    const LIKE: &'static str = "{\"query\": \"…\", \"documents\": [\"…\", \"…\"]}";
}

/// One document.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum DocumentBody {
    /// Its text.
    Text(String),
    /// Its text with whatever else belongs to it.
    Object {
        /// Its text.
        text: String,
    },
}

/// How much each head of BGE-M3 counts.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct WeightsBody {
    /// The cosine of the dense vectors.
    #[schema(example = 0.4)]
    pub(crate) dense: f32,
    /// The lexical weights.
    #[schema(example = 0.2)]
    pub(crate) sparse: f32,
    /// Each token with the nearest of the other text.
    #[schema(example = 0.4)]
    pub(crate) multi_vector: f32,
}

impl Default for WeightsBody {
    fn default() -> Self {
        Self { dense: 0.0, sparse: 0.0, multi_vector: 0.0 }
    }
}

impl From<WeightsBody> for HybridWeights {
    fn from(WeightsBody { dense, sparse, multi_vector }: WeightsBody) -> Self {
        Self { dense, sparse, multi_vector }
    }
}

impl DocumentBody {
    pub(crate) fn text(self) -> String {
        match self {
            Self::Text(text) | Self::Object { text } => text,
        }
    }
}

/// Documents in order, the best first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RerankAnswerBody {
    /// Always `list`.
    object: &'static str,
    /// The model's name.
    #[schema(value_type = String, example = "reranker")]
    model: Arc<str>,
    /// By what they were put in order: `cross-encoder`, `cosine` of a model of texts, or `hybrid` for the three heads of BGE-M3.
    #[schema(example = "cross-encoder")]
    method: &'static str,
    /// The best first.
    results: Vec<RankedBody>,
    /// Tokens.
    usage: UsageBody,
}

/// One document in its place.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RankedBody {
    /// Its place in the request.
    #[schema(example = 0)]
    index: usize,
    /// How well it answers.
    #[schema(example = 0.98)]
    relevance_score: f32,
    /// The document, where asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    document: Option<DocumentAnswer>,
}

/// A document as it came.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DocumentAnswer {
    /// Its text.
    text: String,
}

impl RerankAnswerBody {
    /// `documents` are those of the request, where they are to be told.
    pub(crate) fn new(answer: &RerankAnswer, documents: Option<&[String]>) -> Self {
        let document = |index: usize| documents.map(|documents| DocumentAnswer { text: documents[index].clone() });
        let results = answer.ranked.iter().map(|ranked| RankedBody {
            index: ranked.index,
            relevance_score: ranked.score,
            document: document(ranked.index),
        });
        Self {
            object: "list",
            model: Arc::clone(&answer.model),
            method: answer.method.name(),
            results: results.collect(),
            usage: UsageBody::new(answer.tokens),
        }
    }
}
