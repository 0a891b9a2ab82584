//! One attempt at a window, as its caller hands it to the batch that it shares with others.

use super::{
    Decoded, EncodedWindow, HeadWeights, Language, LogitRules, Prompt, PromptOptions, RowOptions, SpeechError,
    WhisperModel, language_probabilities,
};
use samovar_runtime::{Call, PinnedModel, RunError, RunErrorKind};
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

/// What is asked of a batch.
#[derive(Clone)]
pub(super) struct Question {
    /// What the encoder made of the window.
    pub(super) encoded: Arc<EncodedWindow>,
    pub(super) prompt: Prompt,
    /// How it is decoded; none: what is behind the prompt is all that is asked.
    pub(super) decoding: Option<(Arc<LogitRules>, RowOptions)>,
    /// Whether it is to be told where each token sounds.
    pub(super) with_attention: bool,
    /// The prompt ends where the language comes, which is what the model hears; none: the prompt is whole.
    pub(super) opening: Option<Opening>,
}

/// What follows `<|startoftranscript|>` once the language is known.
#[derive(Clone)]
pub(super) struct Opening {
    pub(super) model: Arc<WhisperModel>,
    pub(super) translate: bool,
    pub(super) with_timestamps: bool,
}

impl Opening {
    /// The language that is most likely, and the tokens that go on with it.
    pub(super) fn of(&self, start_logits: &[f32]) -> Result<(Language, Vec<u32>), SpeechError> {
        let found = language_probabilities(self.model.checkpoint(), start_logits);
        let language = found.first().map_or(Language::ENGLISH, |(language, _)| *language);
        let (translate, with_timestamps) = (self.translate, self.with_timestamps);
        let options = PromptOptions { language, translate, with_timestamps, hotwords: &[], previous: &[] };
        let prompt = self.model.tokenizer().prompt(&options)?;
        Ok((language, prompt.tokens[prompt.start + 1..].to_vec()))
    }
}

/// What a batch gives.
#[derive(Debug)]
pub(super) struct Attempt {
    /// The logits behind `<|startoftranscript|>`.
    pub(super) start_logits: Vec<f32>,
    /// The language that the model heard; none where it was given.
    pub(super) language: Option<Language>,
    /// The text; none where none was asked for.
    pub(super) decoded: Option<Decoded>,
    /// A row for each token; none where they were not asked for.
    pub(super) attention: HeadWeights,
}

/// A question with whoever asks it.
pub(super) struct Job {
    pub(super) question: Question,
    pub(super) call: Call,
    /// Keeps the generation that encoded the window.
    pub(super) pinned: PinnedModel,
    pub(super) answer: oneshot::Sender<Result<Attempt, RunError>>,
    /// The batch that it was in failed: it is tried once more, by itself.
    pub(super) is_alone: bool,
    /// Its place among those that may wait.
    pub(super) _place: OwnedSemaphorePermit,
}

impl Job {
    /// Whether there is still somebody to answer, in time.
    pub(super) fn is_wanted(&self, now: Instant) -> bool {
        !self.answer.is_closed() && self.call.deadline.is_none_or(|deadline| now < deadline)
    }

    /// Ends it. A caller who has gone hears nothing.
    pub(super) fn settle(self, result: Result<Attempt, RunError>) {
        drop(self.answer.send(result));
    }

    /// Ends it for a deadline that has passed.
    pub(super) fn expire(self) {
        let message = "the deadline passed before the window was transcribed";
        self.settle(Err(RunError::new(RunErrorKind::DeadlineExceeded, message)));
    }
}
