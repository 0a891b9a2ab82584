//! Rows that are decoded together: windows, and the beams of each, one run for all of them at every step.

use super::parts::shape_error;
use super::plain::Plain;
use super::stepped::Stepped;
use super::{Attentions, EncodedWindow, Fed, GraphForm, Graphs};
use samovar_engine_api::{EngineError, EngineErrorKind, Runner};
use std::sync::Arc;

/// How large a batch may become. Its caches are bounded by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchLimits {
    /// Windows at most.
    pub windows: usize,
    /// Rows of each window, those that wait included.
    pub beams: usize,
}

impl BatchLimits {
    /// Rows at most.
    pub const fn rows(&self) -> usize {
        self.windows * self.beams
    }
}

/// Rows that are stepped in lockstep on runners of one decoder, with their caches in the runners' own inputs.
///
/// Row `window · beams + beam`. Each run takes some tokens for every row and gives the logits after each row's last one. In the form
/// [`GraphForm::Stepped`] rows may take different numbers of tokens at a run, and windows join and leave between any two; in the others
/// all begin together and take one token at a step.
pub struct DecoderBatch {
    form: Form,
    limits: BatchLimits,
    context: usize,
}

/// Windows at once whose runs are warmed: more are rare, and each number costs a load some runs.
const WARM_WINDOWS: usize = 8;

enum Form {
    Stepped(Box<Stepped>),
    Plain(Box<Plain>),
}

impl DecoderBatch {
    /// An empty batch on a runner of each of the decoder's graphs, in the order of [`GraphForm`].
    ///
    /// # Errors
    /// `Shape` where there are not as many runners as graphs, or the limits allow no row.
    pub fn new(graphs: &Arc<Graphs>, runners: Vec<Box<dyn Runner>>, limits: BatchLimits) -> Result<Self, EngineError> {
        if limits.rows() == 0 {
            return Err(shape_error("a batch has at least one window of one row"));
        }
        let count = runners.len();
        let mut runners = runners.into_iter();
        let graphs = Arc::clone(graphs);
        let context = graphs.shape.context;
        let form = match (graphs.form(), runners.next(), runners.next(), count) {
            (GraphForm::Stepped, Some(cross), Some(step), 2) => {
                Form::Stepped(Box::new(Stepped::new(graphs, cross, step, limits)))
            }
            (GraphForm::Split, prompt @ Some(_), Some(step), 2) => {
                Form::Plain(Box::new(Plain::new(graphs, prompt, step, limits)))
            }
            (GraphForm::Merged, Some(both), None, 1) => Form::Plain(Box::new(Plain::new(graphs, None, both, limits))),
            (form, ..) => return Err(shape_error(format!("{count} runners for a decoder of the form {form:?}"))),
        };
        Ok(Self { form, limits, context })
    }

    /// Makes the runs that windows with a prompt as long as this one will ask for, up to `WARM_WINDOWS` at once, and forgets them: an
    /// engine prepares a run's sizes when it meets them first.
    ///
    /// # Errors
    /// What the engine says.
    pub fn warm_up(&mut self, prompt: &[u32]) -> Result<(), EngineError> {
        let windows = self.limits.windows.min(WARM_WINDOWS);
        let warmed = match &mut self.form {
            Form::Stepped(batch) => batch.warm_up(windows, prompt.len()),
            Form::Plain(batch) => batch.warm_up(windows, prompt),
        };
        self.clear();
        warmed
    }

    /// Forms that runs had so far, as sizes of what went in.
    pub fn forms(&self) -> u64 {
        match &self.form {
            Form::Stepped(batch) => batch.forms(),
            Form::Plain(batch) => batch.forms(),
        }
    }

    /// Rows now.
    pub fn rows(&self) -> usize {
        match &self.form {
            Form::Stepped(batch) => batch.rows(),
            Form::Plain(batch) => batch.rows(),
        }
    }

    /// Windows now.
    pub fn windows(&self) -> usize {
        self.rows() / self.limits.beams
    }

    /// Whether another window may be added before the next run.
    pub fn has_room(&self) -> bool {
        let may_join = match &self.form {
            Form::Stepped(_) => true,
            Form::Plain(batch) => batch.length() == 0,
        };
        may_join && self.windows() < self.limits.windows
    }

    /// Tokens that `row` holds.
    pub fn length(&self, row: usize) -> usize {
        match &self.form {
            Form::Stepped(batch) => batch.length(row),
            Form::Plain(batch) => batch.length(),
        }
    }

    /// Adds a window with its rows behind the others. Its prompt is given at the next [`DecoderBatch::feed`], to its first row; its other
    /// rows wait with no tokens until [`DecoderBatch::keep`] gives them what the first one holds.
    ///
    /// # Errors
    /// `Shape` where there is no room; what the engine says.
    pub fn add(&mut self, window: &EncodedWindow) -> Result<(), EngineError> {
        if !self.has_room() {
            return Err(shape_error("the batch has no room for another window now"));
        }
        match &mut self.form {
            Form::Stepped(batch) => batch.add(window),
            Form::Plain(batch) => batch.add(window),
        }
    }

    /// Begins anew with these windows and the prompt of each.
    ///
    /// # Errors
    /// As [`DecoderBatch::add`] and [`DecoderBatch::feed`].
    pub fn begin(&mut self, encoded: &[EncodedWindow], prompts: &[Fed<'_>]) -> Result<(), EngineError> {
        self.clear();
        encoded.iter().try_for_each(|window| self.add(window))?;
        let mut fed = vec![Fed::default(); self.rows()];
        fed.iter_mut().step_by(self.limits.beams).zip(prompts).for_each(|(to, prompt)| *to = *prompt);
        self.feed(&fed)
    }

    /// One more token for every row.
    ///
    /// # Errors
    /// As [`DecoderBatch::feed`].
    pub fn step(&mut self, tokens: &[u32]) -> Result<(), EngineError> {
        let fed: Vec<Fed<'_>> = tokens.chunks(1).map(Fed::new).collect();
        self.feed(&fed)
    }

    /// Runs tokens for every row: the prompt of one that was added, the next token of the others, nothing for those that wait.
    ///
    /// # Errors
    /// `Shape` where there is not one entry for each row, no row has a token, a row would pass the decoder's positions, or the form does
    /// not take such tokens; what the engine says. A batch whose run failed must be cleared.
    pub fn feed(&mut self, fed: &[Fed<'_>]) -> Result<(), EngineError> {
        if fed.len() != self.rows() || fed.iter().all(|fed| fed.tokens.is_empty()) {
            return Err(shape_error(format!("{} entries for the {} rows of a batch", fed.len(), self.rows())));
        }
        let too_long = |(row, fed): (usize, &Fed<'_>)| self.length(row) + fed.tokens.len() > self.context;
        if fed.iter().enumerate().any(too_long) {
            return Err(shape_error(format!("a row would hold more than {} tokens", self.context)));
        }
        if fed.iter().any(|fed| fed.start.is_some_and(|start| start >= fed.tokens.len())) {
            return Err(shape_error("logits were asked for behind the last token"));
        }
        match &mut self.form {
            Form::Stepped(batch) => batch.feed(fed),
            Form::Plain(batch) => batch.feed(fed),
        }
    }

    /// Logits `[vocabulary]` after the last token of `row` at the last run, until the next run or [`DecoderBatch::keep`].
    ///
    /// # Errors
    /// `Shape` where there are none.
    pub fn logits(&self, row: usize) -> Result<&[f32], EngineError> {
        match &self.form {
            Form::Stepped(batch) => batch.logits(row),
            Form::Plain(batch) => batch.logits(row),
        }
    }

    /// Logits after the token that [`Fed::start`] named at the last run.
    pub fn start_logits(&self, row: usize) -> Option<&[f32]> {
        match &self.form {
            Form::Stepped(batch) => batch.start_logits(row),
            Form::Plain(batch) => batch.start_logits(row),
        }
    }

    /// Goes on with these rows: each row of the batch gets what the row in `sources` holds. Windows that are not named leave. The rows of
    /// a window stay together and come from one window. A window moves only into the place of one that left: the cheapest way to leave
    /// is that the last window takes the place.
    ///
    /// # Errors
    /// `Shape` where `sources` breaks these rules; what the engine says.
    pub fn keep(&mut self, sources: &[usize]) -> Result<(), EngineError> {
        let (beams, rows) = (self.limits.beams, self.rows());
        let is_window = |rows: &[usize]| rows.len() == beams && rows.iter().all(|row| row / beams == rows[0] / beams);
        let known = sources.len() <= rows && sources.iter().all(|&row| row < rows);
        if !known || !sources.chunks(beams).all(is_window) {
            return Err(shape_error("rows are kept by whole windows, each from one window of the batch"));
        }
        if sources.is_empty() {
            self.clear();
            return Ok(());
        }
        match &mut self.form {
            Form::Stepped(batch) => batch.keep(sources),
            Form::Plain(batch) => batch.keep(sources),
        }
    }

    /// How the alignment heads looked at the sound for the tokens of `row` at the last run.
    ///
    /// # Errors
    /// `Unsupported` where the form is another than [`GraphForm::Stepped`], or no alignment heads are known.
    pub fn attentions(&mut self, row: usize) -> Result<Attentions, EngineError> {
        match &mut self.form {
            Form::Stepped(batch) => batch.attentions(row),
            Form::Plain(_) => Err(EngineError::new(
                EngineErrorKind::Unsupported,
                "the decoder as it was exported gives no attentions",
            )),
        }
    }

    /// Forgets all rows.
    pub fn clear(&mut self) {
        match &mut self.form {
            Form::Stepped(batch) => batch.clear(),
            Form::Plain(batch) => batch.clear(),
        }
    }
}
