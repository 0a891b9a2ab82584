//! The way to scores of pairs of texts: a handle to a model of the family `cross-encoder`.

use super::rows_together::{RowOf, run_together};
use super::text_task::PairTask;
use super::tokenizing::tokenized;
use super::{CrossEncoderModel, Scored, Truncate};
use crate::bound_family::bound_family;
use samovar_runtime::{Call, ModelHandle, RunError};
use std::sync::Arc;

/// Tells how well documents answer a query. Cheap to clone.
#[derive(Clone)]
pub struct CrossEncoder {
    handle: ModelHandle,
}

impl CrossEncoder {
    /// A cross-encoder on that model. Whether the model is one is seen when it has loaded.
    pub const fn new(handle: ModelHandle) -> Self {
        Self { handle }
    }

    /// The model's handle.
    pub const fn handle(&self) -> &ModelHandle {
        &self.handle
    }

    /// The family of the generation that serves.
    ///
    /// # Errors
    /// `NotReady`; `Input` with the code `wrong_family` where the model scores no pairs of texts.
    pub fn model(&self) -> Result<Arc<CrossEncoderModel>, RunError> {
        bound_family(&*self.handle.generation()?, LACKS)
    }

    /// How well each document answers the query, in the documents' order. If one pair fails the request fails; dropping the future takes
    /// what has not started out of the queue.
    ///
    /// # Errors
    /// A pair that is too long where nothing may be cut off, and whatever keeps the runtime from queueing and running.
    pub async fn scores(
        &self,
        query: &str,
        documents: &[String],
        truncate: Truncate,
        call: Call,
    ) -> Result<Vec<Scored>, RunError> {
        let pinned = self.handle.pin()?;
        let model: Arc<CrossEncoderModel> = bound_family(pinned.generation(), LACKS)?;
        let (encoder, query) = (Arc::clone(&model), query.to_owned());
        let bytes = documents.iter().map(|document| document.len() + query.len()).sum();
        let pair = move |document: &String| encoder.encode(&query, document, truncate);
        let encodings = tokenized(documents.to_vec(), bytes, pair).await?;
        let row = |encoding| {
            let rows = model.body.rows(&encoding);
            RowOf { rows, task: PairTask { model: Arc::clone(&model), encoding } }
        };
        run_together(&pinned, encodings.into_iter().map(row).collect(), call).await
    }
}

const LACKS: &str = "scores no pairs of texts";
