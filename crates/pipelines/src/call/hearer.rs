//! What is said in a window: the call's one window that is with the model, and the model's coming and going.

use super::patience::Patience;
use super::utterance::Window;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use samovar_models::whisper::{DecodeOptions, Language, Sound, Timestamps, Transcriber, WindowText};
use samovar_runtime::{Call, RunError, RunErrorKind};
use std::task::{Context, Poll};
use std::time::Duration;

/// Hears one call.
pub(super) struct Hearer {
    transcriber: Transcriber,
    call: Call,
    /// How final texts are decoded.
    options: DecodeOptions,
    /// What was detected in a window that is long enough to be sure.
    detected: Option<Language>,
    model: Model,
    /// The last try to load it came to nothing.
    has_failed: bool,
    window: Option<(Window, BoxFuture<'static, Result<Heard, RunError>>)>,
}

enum Model {
    Ready,
    /// It is loading, or has to be tried again.
    Coming(BoxFuture<'static, Result<(), RunError>>),
}

/// What a window gave.
pub(super) struct Heard {
    pub(super) text: WindowText,
    /// All of its words, those behind the last timestamp too.
    pub(super) said: String,
}

/// What happened.
pub(super) enum Hearing {
    /// The model is there.
    Ready,
    /// It could not be loaded; that is tried again. The error where it is the first in a row.
    NotLoaded(Option<RunError>),
    /// The window was heard, or not.
    Window(Window, Result<Heard, RunError>),
}

/// A language that was detected in so much sound is that of the call: five seconds.
const SURE: u64 = 80_000;
/// Between two tries to load a model.
const AGAIN: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

impl Hearer {
    pub(super) fn new(transcriber: Transcriber, call: Call, options: DecodeOptions) -> Self {
        let model = if transcriber.model().is_ok() { Model::Ready } else { opening(&transcriber, Duration::ZERO) };
        Self { transcriber, call, options, detected: None, model, has_failed: false, window: None }
    }

    pub(super) const fn is_ready(&self) -> bool {
        matches!(self.model, Model::Ready)
    }

    /// How final texts are decoded.
    pub(super) const fn options(&self) -> &DecodeOptions {
        &self.options
    }

    /// The window that is with the model.
    pub(super) fn window(&self) -> Option<&Window> {
        self.window.as_ref().map(|(window, _)| window)
    }

    /// Gives the window up: its row leaves the batch.
    pub(super) fn give_up(&mut self) {
        self.window = None;
    }

    /// Takes other options; what was detected counts no more.
    ///
    /// # Errors
    /// `Input` for what they may not be, as far as that is known without the model.
    pub(super) fn set_options(&mut self, options: DecodeOptions) -> Result<(), RunError> {
        options.validate()?;
        if let Ok(model) = self.transcriber.model() {
            model.permits(&options)?;
        }
        (self.options, self.detected) = (options, None);
        Ok(())
    }

    /// Hears a window; `guess` is what a partial takes for the language where nothing is sure.
    pub(super) fn start(&mut self, window: Window, sound: Vec<f32>, guess: Option<Language>) {
        let mut options = self.options.clone();
        options.language = options.language.or(self.detected);
        if window.is_partial {
            options = quick(options, guess, sound.len());
        }
        let first_sample = window.range.start;
        let run = hear(self.transcriber.clone(), (sound, first_sample), options, (self.call, window.is_partial));
        self.window = Some((window, run.boxed()));
    }

    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Hearing> {
        if let Model::Coming(opening) = &mut self.model {
            let Poll::Ready(opened) = opening.poll_unpin(context) else { return Poll::Pending };
            return Poll::Ready(self.opened(opened));
        }
        let Some((_, run)) = &mut self.window else { return Poll::Pending };
        let Poll::Ready(heard) = run.poll_unpin(context) else { return Poll::Pending };
        let Some((window, _)) = self.window.take() else { return Poll::Pending };
        match &heard {
            Ok(heard) if !window.is_partial && window.range.end - window.range.start >= SURE => {
                let is_said = !heard.text.segments.is_empty();
                self.detected = self.detected.or(is_said.then_some(heard.text.language));
            }
            Err(error) if is_absent(error) => self.model = opening(&self.transcriber, Duration::ZERO),
            _ => {}
        }
        Poll::Ready(Hearing::Window(window, heard))
    }

    fn opened(&mut self, opened: Result<(), RunError>) -> Hearing {
        match opened {
            Ok(()) => {
                (self.model, self.has_failed) = (Model::Ready, false);
                Hearing::Ready
            }
            Err(error) => {
                let again = match error.kind() {
                    RunErrorKind::NotReady { retry_after } => retry_after.clamp(AGAIN.0, AGAIN.1),
                    _ => AGAIN.1,
                };
                self.model = opening(&self.transcriber, again);
                let is_new = !std::mem::replace(&mut self.has_failed, true);
                Hearing::NotLoaded(is_new.then_some(error))
            }
        }
    }
}

/// Whether the model went away: the window is heard once it is back.
pub(super) const fn is_absent(error: &RunError) -> bool {
    matches!(error.kind(), RunErrorKind::NotReady { .. })
}

fn opening(transcriber: &Transcriber, pause: Duration) -> Model {
    let transcriber = transcriber.clone();
    let open = async move {
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
        transcriber.handle().open().await?;
        transcriber.model().map(drop)
    };
    Model::Coming(open.boxed())
}

/// As cheap as it can be: once, greedily, without words, and not more tokens than anybody can speak in that time.
fn quick(options: DecodeOptions, guess: Option<Language>, samples: usize) -> DecodeOptions {
    let timestamps = if options.timestamps == Timestamps::None { Timestamps::None } else { Timestamps::Segment };
    let most = 16 + samples / TOKEN_SAMPLES;
    DecodeOptions {
        language: options.language.or(guess),
        beams: 1,
        temperatures: vec![0.0],
        timestamps,
        tokens_max: Some(options.tokens_max.map_or(most, |given| given.min(most))),
        ..options
    }
}

/// Sound of a token at least: an eighth of a second.
const TOKEN_SAMPLES: usize = 2_000;

async fn hear(
    transcriber: Transcriber,
    (sound, first_sample): (Vec<f32>, u64),
    options: DecodeOptions,
    (call, is_partial): (Call, bool),
) -> Result<Heard, RunError> {
    let model = transcriber.model()?;
    let prompt = model.tokenizer().encode("prompt", options.prompt.as_deref().unwrap_or_default())?;
    let mut patience = Patience::default();
    loop {
        let sound = Sound { samples: sound.clone(), first_sample, previous: &prompt, spoken_until_s: 0.0 };
        match transcriber.hear(sound, &options, call).await {
            Ok(text) => {
                let said = model.tokenizer().text(&text.tokens);
                return Ok(Heard { text, said });
            }
            // It has a successor; a final text has none.
            Err(error) if is_partial => return Err(error),
            Err(error) => patience.again(error).await?,
        }
    }
}
