//! One window's decoding at one temperature: takes the logits of each step, says which tokens follow.

use super::beam_search::BeamSearch;
use super::single_row::SingleRow;
use super::{Decoded, LogitRules};
use std::sync::Arc;

/// How one window is decoded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RowOptions {
    /// 0 takes the most likely; above, tokens are drawn from the distribution that it flattens.
    pub temperature: f32,
    /// Hypotheses that are followed at temperature 0.
    pub beams: usize,
    /// Most tokens, at least 1: what the prompt leaves of the decoder's positions, or less.
    pub tokens_max: usize,
    /// Of the draws.
    pub seed: u64,
}

/// What follows a step.
#[derive(Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// These tokens are run next, one for each row, and each row goes on from the caches that the row in `sources` had.
    Next {
        /// One for each row of the next step.
        tokens: &'a [u32],
        /// The row of this step that it continues.
        sources: &'a [usize],
    },
    /// The text is whole: [`RowDecoding::finish`].
    Done,
}

/// The state of one window's decoding; pure, and the same whatever other rows decode beside it.
///
/// The first step has one row, whatever the number of beams: they part there.
#[derive(Debug)]
pub struct RowDecoding {
    rules: Arc<LogitRules>,
    method: Method,
}

#[derive(Debug)]
enum Method {
    Single(SingleRow),
    Beams(BeamSearch),
}

impl RowDecoding {
    /// A decoding whose prompt is about to be run.
    pub fn new(rules: Arc<LogitRules>, options: RowOptions) -> Self {
        let is_search = options.beams > 1 && options.temperature == 0.0;
        let method = if is_search {
            Method::Beams(BeamSearch::new(options.beams, options.tokens_max.max(1)))
        } else {
            Method::Single(SingleRow::new(options))
        };
        Self { rules, method }
    }

    /// Rows of the step that is next.
    pub fn rows(&self) -> usize {
        match &self.method {
            Method::Single(_) => 1,
            Method::Beams(search) => search.rows(),
        }
    }

    /// Rows that a step may have at most: so many belong to this window in a batch.
    pub fn rows_max(&self) -> usize {
        match &self.method {
            Method::Single(_) => 1,
            Method::Beams(search) => search.rows_max(),
        }
    }

    /// Takes the logits of each row, `[vocabulary]` as the decoder gave them for the last token. `scratch` is room for one row and may
    /// be shared by all decodings of a thread.
    pub fn advance(&mut self, logits: &[&[f32]], scratch: &mut Vec<f32>) -> Step<'_> {
        debug_assert_eq!(logits.len(), self.rows(), "one row of logits for each row");
        match &mut self.method {
            Method::Single(row) => row.advance(&self.rules, logits, scratch),
            Method::Beams(search) => search.advance(&self.rules, logits, scratch),
        }
    }

    /// The text so far, or the best one.
    pub fn finish(self) -> Decoded {
        match self.method {
            Method::Single(row) => row.finish(),
            Method::Beams(search) => search.finish(),
        }
    }
}

/// The row's logits as the rules leave them, in `scratch`.
pub(super) fn ruled(rules: &LogitRules, logits: &[f32], tokens: &[u32], scratch: &mut Vec<f32>) {
    scratch.clear();
    scratch.extend_from_slice(logits);
    rules.apply(scratch, tokens);
}
