//! One window from the encoder's output to its text: language, attempts at falling certainty, and words.

use super::desk::Desk;
use super::job::{Attempt, Opening, Question};
use super::{
    DecodeOptions, EncodedWindow, Fallback, GraphForm, HeadWeights, Heard, Language, LogitRules, Prompt, PromptOptions,
    Quality, Timestamps, Verdict, WhisperModel, WindowSpan, WindowText, compression_ratio, language_probabilities,
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
        let mut language = self.known_language(previous).await?;
        let mut prompt = self.prompt(language.unwrap_or_else(|| self.any_language()), previous)?;
        let fallback = Fallback::new(self.model.checkpoint(), self.options);
        let rules = Arc::new(LogitRules::new(self.model.checkpoint(), self.options.timestamps != Timestamps::None));
        let mut attempt = 0;
        loop {
            let options = fallback.row(attempt, &prompt, span);
            let decoding = Some((Arc::clone(&rules), options));
            let Attempt { start_logits, language: found, decoded, attention } =
                self.ask(options.beams, language.map(|_| prompt.clone()), decoding).await?;
            if let Some(found) = found {
                language = Some(found);
                prompt = self.prompt(found, previous)?;
            }
            let language = language.unwrap_or_else(|| self.any_language());
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

    /// What is asked for, or what the model hears. None where the decoding itself tells: the language is heard behind the prompt's first
    /// token, where nothing stands before it and the form lets the prompt come in two parts.
    async fn known_language(&self, previous: &[u32]) -> Result<Option<Language>, RunError> {
        let checkpoint = self.model.checkpoint();
        let is_first = previous.is_empty() && self.options.hotwords.is_empty();
        match self.options.language {
            Some(language) => Ok(Some(language)),
            None if !checkpoint.is_multilingual => Ok(Some(Language::ENGLISH)),
            None if is_first && self.model.form() == Some(GraphForm::Stepped) => Ok(None),
            None => {
                let found = self.ask(1, Some(self.model.tokenizer().language_prompt()), None).await?;
                let likely = language_probabilities(checkpoint, &found.start_logits);
                Ok(Some(likely.first().map_or(Language::ENGLISH, |(language, _)| *language)))
            }
        }
    }

    /// One of the model's: prompts are as long in all of them.
    fn any_language(&self) -> Language {
        self.model.checkpoint().languages.first().map_or(Language::ENGLISH, |(language, _)| *language)
    }

    fn prompt(&self, language: Language, previous: &[u32]) -> Result<Prompt, RunError> {
        let tokenizer = self.model.tokenizer();
        let hotwords = tokenizer.hotwords(&self.options.hotwords)?;
        let (translate, with_timestamps) = (self.options.translate, self.options.timestamps != Timestamps::None);
        let options = PromptOptions { language, translate, with_timestamps, hotwords: &hotwords, previous };
        Ok(tokenizer.prompt(&options)?)
    }

    /// Has it decoded; without a prompt as the language wants it that is heard.
    async fn ask(
        &self,
        beams: usize,
        prompt: Option<Prompt>,
        decoding: Option<(Arc<LogitRules>, super::RowOptions)>,
    ) -> Result<Attempt, RunError> {
        let opening = prompt.is_none().then(|| self.opening());
        let prompt = prompt.unwrap_or_else(|| self.model.tokenizer().language_prompt());
        let desk: Arc<Desk> = self.model.desk(beams).ok_or_else(|| internal("the model cannot run at present"))?;
        let with_attention = decoding.is_some() && self.options.timestamps == Timestamps::Word;
        let question = Question { encoded: Arc::clone(&self.encoded), prompt, decoding, with_attention, opening };
        desk.ask(question, self.pinned.share(), self.call).await
    }

    fn opening(&self) -> Opening {
        Opening {
            model: Arc::clone(&self.model),
            translate: self.options.translate,
            with_timestamps: self.options.timestamps != Timestamps::None,
        }
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
