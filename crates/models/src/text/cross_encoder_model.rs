//! The family `cross-encoder`: two texts go in together, how well the second answers the first comes out.

use super::text_body::TextBody;
use super::text_vectors::{numbers, sigmoid};
use super::warm_up_text::WarmUpText;
use super::{Encoding, Scored, TextError, TextTokenizer, TokenLimit, Truncate};
use crate::{FamilyHints, FamilyKind};
use samovar_engine_api::{ElementType, Port, Signature};
use samovar_runtime::{ContractError, Family, OutputRow, RowShapes, TaskError, WarmUpRow};
use std::sync::Arc;
use std::time::Duration;

/// A model that scores pairs of texts, with its tokenizer.
#[derive(Clone, Debug)]
pub struct CrossEncoderModel {
    pub(crate) body: TextBody,
    output: usize,
}

impl CrossEncoderModel {
    /// Binds the family to a signature.
    ///
    /// # Errors
    /// What was found in the graph or beside it, what is expected, and what to set.
    pub fn bind(signature: &Signature, hints: &FamilyHints) -> Result<Self, ContractError> {
        let output = logits(signature)?;
        let (body, _) = TextBody::bind(signature, hints)?;
        Ok(Self { body, output })
    }

    /// Tokens of both texts at most, special tokens included.
    pub fn tokens_max(&self) -> usize {
        self.body.tokens_max()
    }

    /// The tokenizer.
    pub const fn tokenizer(&self) -> &Arc<TextTokenizer> {
        &self.body.tokenizer
    }

    /// The tokens of a pair. Where it is too long the longer text is cut first, as sentence-transformers and TEI do.
    ///
    /// # Errors
    /// See [`TextError`].
    pub fn encode(&self, query: &str, document: &str, truncate: Truncate) -> Result<Encoding, TextError> {
        let limit = TokenLimit { tokens_max: self.tokens_max(), truncate };
        self.body.tokenizer.encode(query, Some(document), limit)
    }

    /// Reads a row. Of a model with one label its logit counts; with two, as those trained to tell "no" from "yes", the second's lead over
    /// the first, whose sigmoid is the second's share; with more, the last one's logit.
    pub(crate) fn read(&self, encoding: &Encoding, row: &OutputRow<'_>) -> Result<Scored, TaskError> {
        let logits = numbers(&row.tensor(self.output)?)?;
        let logit = match *logits {
            [no, yes] => yes - no,
            [.., last] => last,
            [] => return Err(TaskError::internal("the model gave no score")),
        };
        if !logit.is_finite() {
            return Err(TaskError::internal("the model gave a score that is not a number"));
        }
        Ok(Scored { score: sigmoid(logit), logit, tokens: encoding.len() })
    }
}

impl Family for CrossEncoderModel {
    fn name(&self) -> &'static str {
        FamilyKind::CrossEncoder.name()
    }

    fn lanes(&self) -> Vec<RowShapes> {
        self.body.lanes()
    }

    fn batch_max(&self) -> usize {
        self.body.batch_max()
    }

    fn rows_on_cpu(&self) -> usize {
        self.body.rows_on_cpu()
    }

    fn weight(&self, lane: &RowShapes) -> usize {
        TextBody::weight(lane)
    }

    fn lone_lanes(&self) -> Vec<RowShapes> {
        self.body.lone_lanes()
    }

    fn warm_up_limit(&self) -> Option<Duration> {
        Some(TextBody::WARM_UP_LIMIT)
    }

    fn warm_up(&self, lane: &RowShapes) -> Box<dyn WarmUpRow> {
        let model = self.clone();
        let read = move |encoding: &Encoding, row: &OutputRow<'_>| model.read(encoding, row).map(drop);
        Box::new(WarmUpText::new(&self.body, lane, Box::new(read)))
    }
}

/// Whether the outputs are those of a model that scores, and can be of no other.
pub(crate) fn scores(signature: &Signature) -> bool {
    logits(signature).is_ok_and(|index| signature.outputs[index].name == "logits")
}

/// The output with the scores: `logits`, or the only one that is `[batch, labels]`.
fn logits(signature: &Signature) -> Result<usize, ContractError> {
    let fits = |port: &Port| matches!(port.element, ElementType::F32 | ElementType::F16) && port.dims.len() == 2;
    let fitting: Vec<usize> = (0..signature.outputs.len()).filter(|&at| fits(&signature.outputs[at])).collect();
    let named =
        fitting.iter().find(|&&at| ["logits", "scores", "score"].contains(&signature.outputs[at].name.as_str()));
    match (named, fitting.as_slice()) {
        (Some(&index), _) | (None, &[index]) => Ok(index),
        _ => {
            let outputs: Vec<String> = signature.outputs.iter().map(|port| format!("`{port}`")).collect();
            Err(ContractError(format!(
                "the model scores no pairs of texts: found outputs {}; expected `logits` [batch, labels]",
                outputs.join(", ")
            )))
        }
    }
}
