//! Numbers made of vectors: cosines, hybrid scores, probabilities.

use super::embed::Embedded;
use super::encoder::pairing_error;
use super::similarity::Scoring;
use crate::{ServiceError, ServiceErrorKind};
use samovar_models::{Embedding, HybridWeights, Pairing, hybrid_score};
use samovar_runtime::RunErrorKind;
use std::time::Instant;

/// A row for each of the first `rows` vectors, a column for each of the others; where there are no others, for the same again.
pub(super) fn table(
    vectors: &[Embedded],
    rows: usize,
    (scoring, pairing): (Scoring, Option<Pairing>),
    deadline: Instant,
) -> Result<Vec<Vec<f32>>, ServiceError> {
    let unit: Vec<Embedding> =
        vectors.iter().map(|vector| Embedding(vector.dense.clone().unwrap_or_default())).collect();
    let (left, right) = unit.split_at(rows);
    let right = if right.is_empty() { left } else { right };
    left.iter().map(|row| in_time(deadline).and_then(|()| self::row(row, right, scoring, pairing))).collect()
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
///
/// # Errors
/// `deadline_exceeded`: long texts with a vector for each token take seconds each, and whoever asked may have gone.
pub(super) fn of_documents(
    query: &Embedded,
    documents: &[Embedded],
    weights: HybridWeights,
    deadline: Instant,
) -> Result<Vec<f32>, ServiceError> {
    let score = |document: &Embedded| in_time(deadline).map(|()| hybrid_score(query, document, weights).all);
    documents.iter().map(score).collect()
}

/// Refuses weights that make no mean.
///
/// # Errors
/// `invalid_option`.
pub(super) fn check_weights(weights: HybridWeights) -> Result<(), ServiceError> {
    let HybridWeights { dense, sparse, multi_vector } = weights;
    let each = [dense, sparse, multi_vector].into_iter().all(|weight| (0.0..=WEIGHT_MAX).contains(&weight));
    if each && dense + sparse + multi_vector >= WEIGHTS_MIN {
        return Ok(());
    }
    let message = format!("the weights are from 0 to {WEIGHT_MAX}, and at least {WEIGHTS_MIN} together");
    Err(ServiceError::invalid("invalid_option", message).about("weights"))
}

const WEIGHT_MAX: f32 = 1_000.0;
const WEIGHTS_MIN: f32 = 0.001;

/// What is worth nothing any more is not made: a thread that is not async goes on until it ends by itself.
fn in_time(deadline: Instant) -> Result<(), ServiceError> {
    if Instant::now() < deadline { Ok(()) } else { Err(late()) }
}

fn late() -> ServiceError {
    ServiceError::new(ServiceErrorKind::Run(RunErrorKind::DeadlineExceeded), "the scores were not there in time")
}

/// What is told where the thread that made the scores was lost.
pub(super) fn lost() -> ServiceError {
    ServiceError::new(ServiceErrorKind::Run(RunErrorKind::Internal), "the scores were lost; the server's log says why")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn scores_that_come_too_late_are_not_made() {
        let texts = vec![Embedded { dense: Some(vec![1.0, 0.0]), ..Embedded::default() }; 3];
        let (soon, weights) = (Instant::now() + Duration::from_secs(60), HybridWeights::default());
        assert_eq!(of_documents(&texts[0], &texts, weights, soon).unwrap(), [1.0; 3]);
        assert_eq!(table(&texts, 1, (Scoring::Cosine, None), soon).unwrap(), [[1.0; 2]]);
        let passed = Instant::now();
        let code = |error: ServiceError| error.kind().code();
        assert_eq!(code(of_documents(&texts[0], &texts, weights, passed).unwrap_err()), "deadline_exceeded");
        assert_eq!(code(table(&texts, 1, (Scoring::Cosine, None), passed).unwrap_err()), "deadline_exceeded");
    }

    #[test]
    fn weights_that_make_no_mean_are_refused() {
        let weights = |dense, sparse| HybridWeights { dense, sparse, multi_vector: 0.0 };
        assert!(check_weights(weights(0.4, 0.2)).is_ok() && check_weights(HybridWeights::default()).is_ok());
        for bad in [weights(0.0, 0.0), weights(1.0, -1.0), weights(f32::INFINITY, 1.0), weights(3e38, 3e38)] {
            let error = check_weights(bad).unwrap_err();
            assert_eq!((error.kind().code(), error.field()), ("invalid_option", Some("weights")), "{bad:?}");
        }
    }
}
