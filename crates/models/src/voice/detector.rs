//! The way to where somebody speaks: a handle to a model of the family `silero-vad`.

use super::model::CHUNK;
use super::task::VoiceTask;
use super::{VoiceModel, VoiceState};
use crate::bound_family::bound_family;
use samovar_runtime::{Call, ModelHandle, RunError, RunErrorKind};
use std::sync::Arc;

/// Tells where somebody speaks. Cheap to clone, and one for any number of streams: what a stream carries is in its [`VoiceState`].
#[derive(Clone)]
pub struct VoiceDetector {
    handle: ModelHandle,
}

impl VoiceDetector {
    /// A voice detector on that model. Whether the model is one is seen when it has loaded.
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
    /// `NotReady`; `Input` with the code `wrong_family` where the model hears no voices.
    pub fn model(&self) -> Result<Arc<VoiceModel>, RunError> {
        bound_family(&*self.handle.generation()?, LACKS)
    }

    /// The probability, 0 to 1, that somebody speaks in the next chunk of a stream: [`VoiceModel::CHUNK_SAMPLES`] mono samples of −1
    /// to 1 at 16 kHz. `state` moves on by this chunk, and only where there is a result: the same chunk may be tried again. Where another
    /// generation of the model has begun to serve, its memory begins anew.
    ///
    /// # Errors
    /// A chunk of another length or with a sample that is no number (`Input`, `invalid_samples`), and whatever keeps the runtime from a
    /// result.
    pub async fn next(&self, state: &mut VoiceState, samples: &[f32], call: Call) -> Result<f32, RunError> {
        check(samples)?;
        let pinned = self.handle.pin()?;
        let model: Arc<VoiceModel> = bound_family(pinned.generation(), LACKS)?;
        let rows = model.rows();
        let task = VoiceTask { model, state: state.to_go_on(pinned.generation()), samples: samples.into() };
        let completed = pinned.submit(task, rows, call)?.await?;
        let (probability, memory) = completed.output;
        state.advance(memory, samples, &completed.generation);
        Ok(probability)
    }

    /// The probability for every chunk of a recording from its beginning, the last one filled up with silence. Waits for a place in the
    /// queue for each: for producers of jobs.
    ///
    /// # Errors
    /// As [`VoiceDetector::next`], but never `QueueFull`.
    pub async fn probabilities(&self, samples: &[f32], call: Call) -> Result<Vec<f32>, RunError> {
        let mut state = VoiceState::default();
        let mut probabilities = Vec::with_capacity(samples.len().div_ceil(CHUNK));
        for part in samples.chunks(CHUNK) {
            let mut chunk = [0.0; CHUNK];
            chunk[..part.len()].copy_from_slice(part);
            check(&chunk)?;
            let pinned = self.handle.pin_when_room(call.class).await?;
            let model: Arc<VoiceModel> = bound_family(pinned.generation(), LACKS)?;
            let rows = model.rows();
            let task = VoiceTask { model, state: state.to_go_on(pinned.generation()), samples: chunk.into() };
            let completed = pinned.submit_waiting(task, rows, call).await?.await?;
            let (probability, memory) = completed.output;
            state.advance(memory, &chunk, &completed.generation);
            probabilities.push(probability);
        }
        Ok(probabilities)
    }
}

/// What other models lack.
const LACKS: &str = "hears no voices";

fn check(samples: &[f32]) -> Result<(), RunError> {
    let invalid = |message: String| Err(RunError::new(RunErrorKind::Input { code: "invalid_samples" }, message));
    if samples.len() != CHUNK {
        return invalid(format!("a chunk has {} samples; it must have {CHUNK}", samples.len()));
    }
    if samples.iter().any(|sample| !sample.is_finite()) {
        return invalid("the chunk has a sample that is not a finite number".to_owned());
    }
    Ok(())
}
