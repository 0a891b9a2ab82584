//! Whether somebody speaks: chunk after chunk through the model that hears voices. What it cannot hear counts as speech: words matter more than
//! pauses.

use super::patience::Patience;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use samovar_models::{VoiceDetector, VoiceModel, VoiceState};
use samovar_runtime::{Call, RunError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// Listens to one call. Some chunks are on their way at a time at most.
pub(super) struct Listener {
    detector: VoiceDetector,
    call: Call,
    state: VoiceState,
    run: Option<BoxFuture<'static, Listened>>,
    /// When it failed last, where that was the last that it did.
    failed_at: Option<Instant>,
}

/// What became of some chunks.
struct Listened {
    state: VoiceState,
    /// One for each chunk.
    probabilities: Vec<f32>,
    /// Why the last of them are only taken for speech.
    error: Option<RunError>,
}

/// Samples that are listened to at once, at most: half a second.
pub(super) const LISTENED_MAX: u64 = 16 * VoiceModel::CHUNK_SAMPLES as u64;
/// That there is speech, for all that is known.
const SPEECH: f32 = 1.0;
/// How long a model that fails is left alone.
const PAUSE: Duration = Duration::from_secs(1);

impl Listener {
    pub(super) fn new(detector: VoiceDetector, call: Call) -> Self {
        Self { detector, call, state: VoiceState::default(), run: None, failed_at: None }
    }

    pub(super) const fn is_busy(&self) -> bool {
        self.run.is_some()
    }

    /// Whether its model is still to come: nothing is listened to until then.
    pub(super) fn is_waiting(&self) -> bool {
        self.is_busy() && self.detector.model().is_err()
    }

    /// Listens to so many whole chunks.
    pub(super) fn start(&mut self, sound: Vec<f32>) {
        let (detector, state, call) = (self.detector.clone(), self.state.clone(), self.call);
        self.run = Some(listen(detector, state, sound, call).boxed());
    }

    /// So many chunks are not listened to, where the model failed a moment ago.
    pub(super) fn passes_over(&self, chunks: usize) -> Option<Vec<f32>> {
        let rests = self.failed_at.is_some_and(|at| at.elapsed() < PAUSE);
        rests.then(|| vec![SPEECH; chunks])
    }

    /// How likely each of the chunks is speech, and the error that is new.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<(Vec<f32>, Option<RunError>)> {
        let Some(run) = &mut self.run else { return Poll::Pending };
        let Poll::Ready(listened) = run.poll_unpin(context) else { return Poll::Pending };
        (self.run, self.state) = (None, listened.state);
        let failed_at = listened.error.as_ref().map(|_| Instant::now());
        let had_failed = std::mem::replace(&mut self.failed_at, failed_at).is_some();
        Poll::Ready((listened.probabilities, listened.error.filter(|_| !had_failed)))
    }
}

/// A model that loads is waited for.
async fn listen(detector: VoiceDetector, state: VoiceState, sound: Vec<f32>, call: Call) -> Listened {
    let chunks = sound.chunks_exact(VoiceModel::CHUNK_SAMPLES);
    let mut listened = Listened { state, probabilities: Vec::with_capacity(chunks.len()), error: None };
    listened.error = detector.handle().open().await.err();
    for chunk in chunks {
        let probability = match listened.error {
            None => next(&detector, &mut listened.state, chunk, call).await,
            Some(_) => Ok(SPEECH),
        };
        let probability = probability.unwrap_or_else(|error| {
            listened.error = Some(error);
            SPEECH
        });
        listened.probabilities.push(probability);
    }
    listened
}

async fn next(detector: &VoiceDetector, state: &mut VoiceState, chunk: &[f32], call: Call) -> Result<f32, RunError> {
    let mut patience = Patience::default();
    loop {
        match detector.next(state, chunk, call).await {
            Ok(probability) => return Ok(probability),
            Err(error) => patience.again(error).await?,
        }
    }
}
