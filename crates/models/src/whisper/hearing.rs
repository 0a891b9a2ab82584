//! One window from the encoder's output to its text: language, attempts at falling certainty, and words.

use super::desk::Desk;
use super::job::{Attempt, Question};
use super::{
    DecodeOptions, EncodedWindow, Fallback, HeadWeights, Heard, Language, LogitRules, Prompt, PromptOptions, Quality,
    Timestamps, Verdict, WhisperModel, WindowSpan, WindowText, compression_ratio, language_probabilities,
    no_speech_probability,
};
use samovar_runtime::{Call, PinnedModel, RunError, RunErrorKind, Scratch, Stint, TaskError};
use std::sync::Arc;

/// A window on its way.
pub(super) struct Hearing<'a> {
    pub(super) model: Arc<WhisperModel>,
    pub(super) pinned: PinnedModel,
    pub(super) encoded: Arc<EncodedWindow>,
    pub(super) options: &'a DecodeOptions,
    pub(super) call: Call,
}

impl Hearing<'_> {
    /// What is said in it.
    ///
    /// # Errors
    /// Whatever keeps the runtime from a result.
    pub(super) async fn text(
        self,
        span: WindowSpan,
        previous: &[u32],
        spoken_until_s: f64,
    ) -> Result<WindowText, RunError> {
        let language = self.language().await?;
        let prompt = self.prompt(language, previous)?;
        let fallback = Fallback::new(self.model.checkpoint(), self.options);
        let rules = Arc::new(LogitRules::new(self.model.checkpoint(), self.options.timestamps != Timestamps::None));
        let mut attempt = 0;
        loop {
            let options = fallback.row(attempt, &prompt, span);
            let decoding = Some((Arc::clone(&rules), options));
            let Attempt { start_logits, decoded, attention } =
                self.ask(options.beams, prompt.clone(), decoding).await?;
            let decoded = decoded.ok_or_else(|| internal("the window was decoded to nothing"))?;
            let tokenizer = self.model.tokenizer();
            let quality = Quality {
                average_logprob: decoded.average_logprob,
                no_speech_prob: no_speech_probability(self.model.checkpoint(), &start_logits),
                compression_ratio: compression_ratio(tokenizer.text(&decoded.tokens).trim()),
            };
            let heard = Heard { language, quality };
            match fallback.verdict(attempt, &quality) {
                Verdict::Again(next) => attempt = next,
                Verdict::Silent => return Ok(WindowText::silent(&decoded, span, heard)),
                Verdict::Accepted => {
                    let text = WindowText::new(decoded, span, heard, tokenizer);
                    return self.with_words(text, attention, spoken_until_s).await;
                }
            }
        }
    }

    /// What is asked for, or what the model hears.
    async fn language(&self) -> Result<Language, RunError> {
        let checkpoint = self.model.checkpoint();
        match self.options.language {
            Some(language) => Ok(language),
            None if !checkpoint.is_multilingual => Ok(Language::ENGLISH),
            None => {
                let found = self.ask(1, self.model.tokenizer().language_prompt(), None).await?;
                let likely = language_probabilities(checkpoint, &found.start_logits);
                Ok(likely.first().map_or(Language::ENGLISH, |(language, _)| *language))
            }
        }
    }

    fn prompt(&self, language: Language, previous: &[u32]) -> Result<Prompt, RunError> {
        let tokenizer = self.model.tokenizer();
        let hotwords = tokenizer.hotwords(&self.options.hotwords)?;
        let (translate, with_timestamps) = (self.options.translate, self.options.timestamps != Timestamps::None);
        let options = PromptOptions { language, translate, with_timestamps, hotwords: &hotwords, previous };
        Ok(tokenizer.prompt(&options)?)
    }

    async fn ask(
        &self,
        beams: usize,
        prompt: Prompt,
        decoding: Option<(Arc<LogitRules>, super::RowOptions)>,
    ) -> Result<Attempt, RunError> {
        let desk: Arc<Desk> = self.model.desk(beams).ok_or_else(|| internal("the model cannot run at present"))?;
        let with_attention = decoding.is_some() && self.options.timestamps == Timestamps::Word;
        let question = Question { encoded: Arc::clone(&self.encoded), prompt, decoding, with_attention };
        desk.ask(question, self.pinned.share(), self.call).await
    }

    /// Finding words takes a slot's turn: it is work for a core.
    async fn with_words(
        self,
        text: WindowText,
        attention: HeadWeights,
        spoken_until_s: f64,
    ) -> Result<WindowText, RunError> {
        if self.options.timestamps != Timestamps::Word || text.tokens.is_empty() {
            return Ok(text);
        }
        let stint = WordStint { model: self.model, text: Some(text), attention, spoken_until_s };
        self.pinned.submit_stint(stint, self.call.following_up())?.await.map(|completed| completed.output)
    }
}

/// Finds where the words of a window sound.
struct WordStint {
    model: Arc<WhisperModel>,
    text: Option<WindowText>,
    attention: HeadWeights,
    spoken_until_s: f64,
}

impl Stint for WordStint {
    type Output = WindowText;

    fn run(&mut self, _scratch: &mut Scratch) -> Result<WindowText, TaskError> {
        let mut text = self.text.take().ok_or_else(|| TaskError::internal("the window's words were found before"))?;
        text.add_words(self.model.tokenizer(), &self.attention, self.spoken_until_s)
            .map_err(|error| TaskError::input(error.code(), error.to_string()))?;
        Ok(text)
    }
}

fn internal(message: &str) -> RunError {
    RunError::new(RunErrorKind::Internal, message)
}
