//! Whether somebody speaks: chunk after chunk through the model that hears voices.

use super::patience::Patience;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use samovar_models::{VoiceDetector, VoiceModel, VoiceState};
use samovar_runtime::{Call, RunError};
use std::task::{Context, Poll};
use std::time::Duration;

/// Listens to one call. Some chunks are on their way at a time at most.
pub(super) struct Listener {
    detector: VoiceDetector,
    call: Call,
    state: VoiceState,
    run: Option<BoxFuture<'static, Listened>>,
    has_failed: bool,
}

/// What became of some chunks.
struct Listened {
    state: VoiceState,
    probabilities: Vec<f32>,
    /// Why the rest of them have none.
    error: Option<RunError>,
}

/// Samples that are listened to at once, at most: half a second.
pub(super) const LISTENED_MAX: u64 = 16 * VoiceModel::CHUNK_SAMPLES as u64;
/// How long a model that fails is left alone.
const PAUSE: Duration = Duration::from_secs(1);

impl Listener {
    pub(super) fn new(detector: VoiceDetector, call: Call) -> Self {
        Self { detector, call, state: VoiceState::default(), run: None, has_failed: false }
    }

    pub(super) const fn is_busy(&self) -> bool {
        self.run.is_some()
    }

    /// Listens to so many whole chunks.
    pub(super) fn start(&mut self, sound: Vec<f32>) {
        let (detector, state, call) = (self.detector.clone(), self.state.clone(), self.call);
        let pause = self.has_failed.then_some(PAUSE);
        self.run = Some(listen(detector, state, sound, (call, pause)).boxed());
    }

    /// How likely each of the chunks is speech, as far as they were heard, and the error that is new.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<(Vec<f32>, Option<RunError>)> {
        let Some(run) = &mut self.run else { return Poll::Pending };
        let Poll::Ready(listened) = run.poll_unpin(context) else { return Poll::Pending };
        (self.run, self.state) = (None, listened.state);
        let had_failed = std::mem::replace(&mut self.has_failed, listened.error.is_some());
        Poll::Ready((listened.probabilities, listened.error.filter(|_| !had_failed)))
    }
}

/// A model that is not there is waited for.
async fn listen(
    detector: VoiceDetector,
    state: VoiceState,
    sound: Vec<f32>,
    (call, pause): (Call, Option<Duration>),
) -> Listened {
    let mut listened = Listened { state, probabilities: Vec::new(), error: None };
    if let Some(pause) = pause {
        tokio::time::sleep(pause).await;
    }
    if let Err(error) = detector.handle().open().await {
        return Listened { error: Some(error), ..listened };
    }
    for chunk in sound.chunks_exact(VoiceModel::CHUNK_SAMPLES) {
        match next(&detector, &mut listened.state, chunk, call).await {
            Ok(probability) => listened.probabilities.push(probability),
            Err(error) => return Listened { error: Some(error), ..listened },
        }
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
