//! Numbers that are none never leave as an answer.

use crate::{ServiceError, ServiceErrorKind};
use samovar_models::TextEmbedding;

/// Whether every number of an embedding is one.
pub(super) fn embedding_is_finite(embedding: &TextEmbedding) -> bool {
    let dense = embedding.dense.iter().flatten().all(|value| value.is_finite());
    let sparse = embedding.sparse.iter().flatten().all(|(_, weight)| weight.is_finite());
    dense && sparse && embedding.multi_vector.iter().flatten().flatten().all(|value| value.is_finite())
}

/// What is told in place of numbers that are none.
pub(super) fn not_finite() -> ServiceError {
    let message = "the model gave numbers that are none, so there is no answer; another precision or engine may help";
    ServiceError::new(ServiceErrorKind::Broken { code: "not_finite" }, message)
}
