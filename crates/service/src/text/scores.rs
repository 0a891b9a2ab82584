//! Numbers made of vectors: cosines, hybrid scores, probabilities.

use super::embed::Embedded;
use super::encoder::pairing_error;
use super::similarity::Scoring;
use crate::{ServiceError, ServiceErrorKind};
use samovar_models::{Embedding, HybridWeights, Pairing, hybrid_score};
use samovar_runtime::RunErrorKind;

/// A row for each of the first `rows` vectors, a column for each of the others; where there are no others, for the same again.
pub(super) fn table(
    vectors: &[Embedded],
    rows: usize,
    scoring: Scoring,
    pairing: Option<Pairing>,
) -> Result<Vec<Vec<f32>>, ServiceError> {
    let unit: Vec<Embedding> =
        vectors.iter().map(|vector| Embedding(vector.dense.clone().unwrap_or_default())).collect();
    let (left, right) = unit.split_at(rows);
    let right = if right.is_empty() { left } else { right };
    left.iter().map(|row| self::row(row, right, scoring, pairing)).collect()
}

fn row(
    row: &Embedding,
    columns: &[Embedding],
    scoring: Scoring,
    pairing: Option<Pairing>,
) -> Result<Vec<f32>, ServiceError> {
    match (scoring, pairing) {
        (Scoring::Logits, Some(pairing)) => pairing.logits(row, columns).map_err(pairing_error),
        (Scoring::Probabilities(activation), Some(pairing)) => {
            let activation = activation.unwrap_or(pairing.activation);
            Pairing { activation, ..pairing }.zero_shot(row, columns).map_err(pairing_error)
        }
        _ => Ok(columns.iter().map(|column| row.similarity(column)).collect()),
    }
}

/// How well each document answers the query by the heads that both have: the cosine of the vectors, or all three weighed.
pub(super) fn of_documents(query: &Embedded, documents: &[Embedded], weights: HybridWeights) -> Vec<f32> {
    documents.iter().map(|document| hybrid_score(query, document, weights).all).collect()
}

/// What is told where the thread that made the scores was lost.
pub(super) fn lost() -> ServiceError {
    ServiceError::new(ServiceErrorKind::Run(RunErrorKind::Internal), "the scores were lost; the server's log says why")
}
