//! Embeddings as JSON: OpenAI's form, and what Samovar adds to it without disturbing OpenAI's clients.

use super::ItemsBody;
use crate::json_body::JsonForm;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use samovar_models::Truncate;
use samovar_service::text::{EmbedAnswer, Embedded, Purpose};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;

/// Asks for vectors. What OpenAI's clients send beside it, such as `user`, is taken and not used.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct EmbeddingRequest {
    /// A text, a list of texts, tokens, a list of lists of tokens; for a pair or an image tower also `{"image": "data:…"}`.
    #[schema(value_type = Vec<String>, example = json!(["That is a happy person", "It is sunny today"]))]
    pub(crate) input: ItemsBody,
    /// The configured name of a model or of a pair. May be left out where there is only one.
    #[schema(example = "minilm")]
    pub(crate) model: Option<String>,
    /// `float`, or `base64`: little-endian 32-bit floats.
    pub(crate) encoding_format: Option<EncodingFormat>,
    /// The first so many numbers of each vector alone, for models trained for that (Matryoshka).
    pub(crate) dimensions: Option<usize>,
    /// The model's prompt of that name is put before each text.
    pub(crate) prompt_name: Option<String>,
    /// What the texts are for: the model's prompt for it is put before each of them, where it has one.
    pub(crate) input_type: Option<InputType>,
    /// What becomes of texts that are too long: refused where left out.
    pub(crate) truncate: Option<TruncateName>,
    /// Whether vectors have length 1. As the model has it where left out.
    pub(crate) normalize: Option<bool>,
    /// Whether the dense vectors are told: they are where left out.
    pub(crate) return_dense: Option<bool>,
    /// Whether the lexical weights are told: BGE-M3.
    pub(crate) return_sparse: Option<bool>,
    /// Whether one vector for each token is told: BGE-M3.
    pub(crate) return_multi_vector: Option<bool>,
    /// How long the answer may take, in milliseconds; it only lowers the server's own limit.
    pub(crate) timeout_ms: Option<u64>,
}

impl JsonForm for EmbeddingRequest {
    const FIELDS: &'static [&'static str] = &[
        "input",
        "model",
        "encoding_format",
        "dimensions",
        "prompt_name",
        "input_type",
        "truncate",
        "normalize",
        "return_dense",
        "return_sparse",
        "return_multi_vector",
        "timeout_ms",
    ];
    const LIKE: &'static str = "{\"model\": \"NAME\", \"input\": [\"a text\"]}";
}

/// How vectors are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum EncodingFormat {
    /// As numbers.
    #[default]
    Float,
    /// As the base64 of little-endian 32-bit floats.
    Base64,
}

/// What texts are for.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum InputType {
    /// To find others.
    #[serde(alias = "search_query")]
    Query,
    /// To be found.
    #[serde(alias = "search_document", alias = "passage")]
    Document,
}

/// What becomes of texts that are too long. A boolean is taken, too: `true` cuts the end.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum TruncateName {
    /// Whether the end is cut.
    Whether(bool),
    /// What is cut.
    What(TruncateWord),
}

/// What is cut.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum TruncateWord {
    /// Nothing: the text is refused.
    #[serde(alias = "NONE")]
    None,
    /// Its end.
    #[serde(alias = "END", alias = "right", alias = "Right")]
    End,
    /// Its start.
    #[serde(alias = "START", alias = "left", alias = "Left")]
    Start,
}

impl From<TruncateName> for Truncate {
    fn from(name: TruncateName) -> Self {
        match name {
            TruncateName::Whether(false) | TruncateName::What(TruncateWord::None) => Self::Refuse,
            TruncateName::Whether(true) | TruncateName::What(TruncateWord::End) => Self::End,
            TruncateName::What(TruncateWord::Start) => Self::Start,
        }
    }
}

impl From<InputType> for Purpose {
    fn from(kind: InputType) -> Self {
        match kind {
            InputType::Query => Self::Query,
            InputType::Document => Self::Document,
        }
    }
}

/// The vectors, in the order of the input.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EmbeddingAnswer {
    /// Always `list`.
    object: &'static str,
    /// One for each item.
    data: Vec<EmbeddingBody>,
    /// The name of the model or of the pair.
    #[schema(value_type = String, example = "minilm")]
    model: Arc<str>,
    /// Tokens.
    usage: UsageBody,
}

/// The vectors of one item.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EmbeddingBody {
    /// Always `embedding`.
    object: &'static str,
    /// Its place in the input.
    index: usize,
    /// The dense vector.
    #[serde(skip_serializing_if = "Option::is_none")]
    embedding: Option<VectorBody>,
    /// Weights of its tokens, by their ids in ascending order.
    #[serde(skip_serializing_if = "Option::is_none")]
    sparse: Option<Vec<SparseBody>>,
    /// One vector for each token.
    #[serde(skip_serializing_if = "Option::is_none")]
    multi_vector: Option<Vec<Vec<f32>>>,
}

/// A vector as it was asked for.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum VectorBody {
    /// Numbers.
    Float(Vec<f32>),
    /// Little-endian 32-bit floats in base64.
    Base64(String),
}

/// The weight of one token.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SparseBody {
    /// The token's id.
    pub(crate) index: u32,
    /// Its weight.
    pub(crate) value: f32,
}

/// Tokens that went through the model.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub(crate) struct UsageBody {
    /// Of all texts, special tokens included.
    #[schema(example = 8)]
    prompt_tokens: usize,
    /// The same.
    #[schema(example = 8)]
    total_tokens: usize,
}

impl UsageBody {
    pub(crate) const fn new(tokens: usize) -> Self {
        Self { prompt_tokens: tokens, total_tokens: tokens }
    }
}

impl EmbeddingAnswer {
    pub(crate) fn new(answer: EmbedAnswer, format: EncodingFormat) -> Self {
        let body = |(index, item)| EmbeddingBody::new(index, item, format);
        Self {
            object: "list",
            data: answer.items.into_iter().enumerate().map(body).collect(),
            model: answer.model,
            usage: UsageBody::new(answer.tokens),
        }
    }
}

impl EmbeddingBody {
    fn new(index: usize, item: Embedded, format: EncodingFormat) -> Self {
        let vector = |vector: Vec<f32>| match format {
            EncodingFormat::Float => VectorBody::Float(vector),
            EncodingFormat::Base64 => VectorBody::Base64(base64_of(&vector)),
        };
        Self {
            object: "embedding",
            index,
            embedding: item.dense.map(vector),
            sparse: item.sparse.map(sparse),
            multi_vector: item.multi_vector,
        }
    }
}

/// Weights by token.
pub(crate) fn sparse(weights: Vec<(u32, f32)>) -> Vec<SparseBody> {
    weights.into_iter().map(|(index, value)| SparseBody { index, value }).collect()
}

/// How many numbers an answer holds.
pub(crate) fn numbers(items: &[Embedded]) -> usize {
    let of = |item: &Embedded| {
        let vectors: usize = item.multi_vector.iter().flatten().map(Vec::len).sum();
        item.dense.as_ref().map_or(0, Vec::len) + item.sparse.as_ref().map_or(0, Vec::len) + vectors
    };
    items.iter().map(of).sum()
}

fn base64_of(vector: &[f32]) -> String {
    let bytes: Vec<u8> = vector.iter().flat_map(|value| value.to_le_bytes()).collect();
    BASE64_STANDARD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_of_little_endian_floats() {
        assert_eq!(base64_of(&[1.0, -2.5]), "AACAPwAAIMA=");
    }

    #[test]
    fn numbers_are_written_in_their_shortest_form() {
        let item = Embedded { dense: Some(vec![0.1, -1e-8, 3.0]), ..Embedded::default() };
        let body = EmbeddingBody::new(0, item, EncodingFormat::Float);
        let json = serde_json::to_string(&body).unwrap();
        assert_eq!(json, "{\"object\":\"embedding\",\"index\":0,\"embedding\":[0.1,-1e-8,3.0]}");
    }
}
