//! The way from sound to text: a handle to a model of the family `whisper`.

use super::encode_task::EncodeTask;
use super::expectation::Expectation;
use super::hearing::Hearing;
use super::{DecodeOptions, EncodedWindow, StepCounts, WhisperModel, WindowSpan, WindowText};
use crate::bound_family::bound_family;
use samovar_runtime::{Call, Class, ModelHandle, PinnedModel, RunError, RunErrorKind};
use std::sync::Arc;
use tokio::sync::oneshot;

/// Transcribes. Cheap to clone; all that have a handle to the same model share its encoder and its decoder batches.
#[derive(Clone)]
pub struct Transcriber {
    handle: ModelHandle,
}

/// A window's sound and what is known of what was before it.
#[derive(Clone, Debug, Default)]
pub struct Sound<'a> {
    /// Mono at 16 kHz, -1 to 1, at most 30 s.
    pub samples: Vec<f32>,
    /// Where it begins in its recording, in samples of 16 kHz.
    pub first_sample: u64,
    /// Tokens of what was said before; the last count.
    pub previous: &'a [u32],
    /// Where the last word before it ended, in seconds from the recording's beginning.
    pub spoken_until_s: f64,
}

/// What other models lack.
const LACKS: &str = "hears no words";

impl Transcriber {
    /// A transcriber on that model. Whether the model is one is seen when it has loaded.
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
    /// `NotReady`; `Input` with the code `wrong_family` where the model hears no words.
    pub fn model(&self) -> Result<Arc<WhisperModel>, RunError> {
        bound_family(&*self.handle.generation()?, LACKS)
    }

    /// What the decoder batches of the generation that serves have done.
    ///
    /// # Errors
    /// As [`Transcriber::model`].
    pub fn counts(&self) -> Result<StepCounts, RunError> {
        self.model().map(|model| model.counts())
    }

    /// What is said in one window: mono samples at 16 kHz, -1 to 1, at most 30 s. `previous` are tokens of what was said before; where
    /// there are none, the options' prompt stands for them. Times are those from the window's beginning. Whoever drops the future
    /// leaves the batch.
    ///
    /// # Errors
    /// `Input` with the code of a [`SpeechError`](super::SpeechError), or `invalid_samples`; whatever keeps the runtime from a result.
    pub async fn window(
        &self,
        samples: Vec<f32>,
        options: &DecodeOptions,
        previous: &[u32],
        call: Call,
    ) -> Result<WindowText, RunError> {
        let prompt = match &options.prompt {
            Some(prompt) if previous.is_empty() => self.model()?.tokenizer().encode("prompt", prompt)?,
            _ => Vec::new(),
        };
        let previous = if previous.is_empty() { &prompt } else { previous };
        self.hear(Sound { samples, previous, ..Sound::default() }, options, call).await
    }

    /// The same for a window of a recording, in the recording's times; the options' prompt is not looked at.
    ///
    /// # Errors
    /// As [`Transcriber::window`].
    pub async fn hear(&self, sound: Sound<'_>, options: &DecodeOptions, call: Call) -> Result<WindowText, RunError> {
        // A producer of jobs holds no generation while it waits for room.
        let pinned = match call.class {
            Class::Job => self.handle.pin_when_room(call.class).await?,
            _ => self.handle.pin()?,
        };
        let model: Arc<WhisperModel> = bound_family(pinned.generation(), LACKS)?;
        model.permits(options)?;
        check(&sound.samples, model.checkpoint().window_samples())?;
        let span = WindowSpan { first_sample: sound.first_sample, samples: sound.samples.len() };
        let (encoded, _expectation) = encode(&model, &pinned, (sound.samples, options.beams), call).await?;
        let hearing = Hearing { model, pinned, encoded: Arc::new(encoded), options, call };
        hearing.text(span, sound.previous, sound.spoken_until_s).await
    }
}

/// What the encoder makes of the samples; the batch that will decode it with so many beams has its turn behind that run.
async fn encode(
    model: &Arc<WhisperModel>,
    pinned: &PinnedModel,
    (samples, beams): (Vec<f32>, usize),
    call: Call,
) -> Result<(EncodedWindow, Option<Expectation>), RunError> {
    let (told, begun) = oneshot::channel();
    let task = EncodeTask { model: Arc::clone(model), samples, begun: Some(told) };
    let pending = match call.class {
        Class::Job => pinned.share().submit_waiting(task, model.rows(), call).await?,
        _ => pinned.share().submit(task, model.rows(), call)?,
    };
    let mut expectation = None;
    if Expectation::is_worthwhile(pinned, &call) && begun.await.is_ok() {
        expectation = model.desk(beams).map(|desk| desk.expect((pinned.share(), call)));
    }
    Ok((pending.await?.output, expectation))
}

fn check(samples: &[f32], most: usize) -> Result<(), RunError> {
    let invalid = |message: String| Err(RunError::new(RunErrorKind::Input { code: "invalid_samples" }, message));
    if samples.len() > most {
        return invalid(format!("a window has {} samples; it may have {most}, which is 30 s at 16 kHz", samples.len()));
    }
    if samples.iter().any(|sample| !sample.is_finite()) {
        return invalid("the window has a sample that is not a finite number".to_owned());
    }
    Ok(())
}
