//! One window's place in a decoder batch.

use super::job::{Attempt, Job};
use super::{DecoderBatch, Fed, HeadWeights, Language, RowDecoding, Step};
use samovar_engine_api::{EngineError, EngineErrorKind};
use std::sync::Arc;

/// A window that is decoded, with the state of its rows.
pub(super) struct Seat {
    pub(super) job: Job,
    /// None where only what is behind the prompt is asked, and when the text is whole.
    decoding: Option<RowDecoding>,
    /// What each row is given next; none before the prompt was run.
    tokens: Vec<u32>,
    /// The row of the window that each row goes on from.
    pub(super) sources: Vec<usize>,
    start_logits: Vec<f32>,
    /// The language that was heard, and what is given next because of it.
    heard: Option<(Language, Vec<u32>)>,
    /// By step and row of the window: how the alignment heads looked at the sound, `[heads, positions]`.
    looks: Vec<Vec<Vec<f32>>>,
    shape: (usize, usize),
}

impl Seat {
    pub(super) fn new(job: Job) -> Self {
        let decoding = job.question.decoding.as_ref();
        let decoding = decoding.map(|(rules, options)| RowDecoding::new(Arc::clone(rules), *options));
        Self {
            job,
            decoding,
            tokens: Vec::new(),
            sources: Vec::new(),
            start_logits: Vec::new(),
            heard: None,
            looks: Vec::new(),
            shape: (0, 0),
        }
    }

    /// What each of its `beams` rows is given at the next run.
    pub(super) fn fed(&self, beams: usize) -> impl Iterator<Item = Fed<'_>> {
        let prompt = &self.job.question.prompt;
        (0..beams).map(move |row| match self.tokens.get(row) {
            Some(token) => Fed::new(std::slice::from_ref(token)),
            None if row > 0 => Fed::default(),
            None => match &self.heard {
                // As a whole prompt is given: the same run.
                Some((_, opening)) => Fed { tokens: opening, start: Some(0) },
                None => Fed { tokens: &prompt.tokens, start: Some(prompt.start) },
            },
        })
    }

    /// Takes the run's results for its rows, which begin at `first`; tells whether the text is whole.
    ///
    /// # Errors
    /// What the engine says.
    pub(super) fn advance(
        &mut self,
        batch: &mut DecoderBatch,
        first: usize,
        beams: usize,
        scratch: &mut Vec<f32>,
    ) -> Result<bool, EngineError> {
        if self.tokens.is_empty() && self.heard.is_none() {
            self.start_logits = batch.start_logits(first).unwrap_or_default().to_vec();
            if self.goes_on_with_a_language(beams)? {
                return Ok(false);
            }
        }
        let Some(rows) = self.decoding.as_ref().map(RowDecoding::rows) else { return Ok(true) };
        if self.job.question.with_attention {
            let looks = (first..first + rows).map(|row| self.look(batch, row)).collect::<Result<_, _>>()?;
            self.looks.push(looks);
        }
        let logits = (first..first + rows).map(|row| batch.logits(row)).collect::<Result<Vec<_>, _>>()?;
        let Some(decoding) = &mut self.decoding else { return Ok(true) };
        match decoding.advance(&logits, scratch) {
            Step::Done => Ok(true),
            Step::Next { tokens, sources } => {
                // Rows that a search has left over go along with its first.
                self.sources = (0..beams).filter_map(|row| sources.get(row).or(sources.first()).copied()).collect();
                self.tokens = (0..beams).filter_map(|row| tokens.get(row).or(tokens.first()).copied()).collect();
                Ok(false)
            }
        }
    }

    /// Whether the prompt goes on with the language that was heard: the caches stay, and no window is heard twice.
    fn goes_on_with_a_language(&mut self, beams: usize) -> Result<bool, EngineError> {
        let Some(opening) = &self.job.question.opening else { return Ok(false) };
        let heard = opening.of(&self.start_logits);
        self.heard = Some(heard.map_err(|error| EngineError::new(EngineErrorKind::Run, error.to_string()))?);
        self.sources = (0..beams).collect();
        Ok(true)
    }

    /// Ends it with what was found.
    pub(super) fn finish(self) {
        let Self { job, decoding, start_logits, heard, looks, shape, .. } = self;
        let language = heard.map(|(language, _)| language);
        let decoded = decoding.map(RowDecoding::finish);
        let mut attention = HeadWeights::new(shape.0, shape.1);
        let rows = decoded.iter().flat_map(|decoded| &decoded.rows);
        looks.iter().zip(rows).filter_map(|(step, &row)| step.get(row)).for_each(|look| attention.push(look));
        job.settle(Ok(Attempt { start_logits, language, decoded, attention }));
    }

    /// How the alignment heads looked for the last token of a row.
    fn look(&mut self, batch: &mut DecoderBatch, row: usize) -> Result<Vec<f32>, EngineError> {
        let found = batch.attentions(row)?;
        self.shape = (found.heads, found.positions);
        let last_of = |head: usize| {
            let end = (head + 1) * found.tokens * found.positions;
            &found.weights[end - found.positions..end]
        };
        Ok((0..found.heads).flat_map(last_of).copied().collect())
    }
}
