//! Texts as vectors and as scores: tokenizer, encoders, cross-encoders.

mod assets;
mod buckets;
mod cross_encoder;
mod cross_encoder_model;
mod embedding_outputs;
mod encoding;
mod hybrid_score;
mod rows_together;
mod special_frame;
mod text_body;
mod text_embedder;
mod text_embedding_model;
mod text_error;
mod text_input;
mod text_ports;
mod text_task;
mod text_vectors;
mod tokenizer;
mod tokenizer_cache;
mod tokenizing;
mod warm_up_text;

pub(crate) use buckets::Buckets;
pub use cross_encoder::CrossEncoder;
pub use cross_encoder_model::CrossEncoderModel;
pub use encoding::{Encoding, TokenLimit};
pub use hybrid_score::{HybridScore, HybridWeights, hybrid_score};
pub(crate) use rows_together::{RowOf, run_together};
pub use text_embedder::TextEmbedder;
pub use text_embedding_model::TextEmbeddingModel;
pub use text_error::TextError;
pub use text_input::{EmbedOptions, Heads, Scored, TextEmbedding, TextInput, Truncate};
pub use tokenizer::TextTokenizer;
pub(crate) use tokenizing::tokenized;

use crate::{FamilyHints, FamilyKind};
use samovar_engine_api::Signature;
use samovar_runtime::{ContractError, Family};
use std::sync::Arc;
use text_ports::TextPorts;

/// Whether a graph takes tokens: some family of texts is meant.
pub(crate) fn takes(signature: &Signature) -> bool {
    TextPorts::are_in(signature)
}

/// Binds the family that `hints` name, or the one of this folder that `signature` can be nothing else than.
///
/// # Errors
/// What was found, what is expected, and what to set.
pub(crate) fn bind(signature: &Signature, hints: &FamilyHints) -> Result<Arc<dyn Family>, ContractError> {
    let scores = hints
        .family
        .map_or_else(|| cross_encoder_model::scores(signature), |family| family == FamilyKind::CrossEncoder);
    if scores {
        Ok(Arc::new(CrossEncoderModel::bind(signature, hints)?))
    } else {
        Ok(Arc::new(TextEmbeddingModel::bind(signature, hints)?))
    }
}
