//! How a person looks, as numbers: what a re-identification model gives for one box of a picture.

use crate::BoundingBox;
use samovar_media::Picture;
use samovar_runtime::{Call, ModelHandle, Pending, RunError};

/// How somebody looks: a vector of length 1. Two of the same person have a high [`Appearance::similarity`].
#[derive(Clone, Debug, PartialEq)]
pub struct Appearance(pub Vec<f32>);

impl Appearance {
    /// Cosine of the angle between the two, in -1..=1.
    pub fn similarity(&self, other: &Self) -> f32 {
        self.0.iter().zip(&other.0).map(|(a, b)| a * b).sum()
    }
}

/// Tells how the people in boxes look. Cheap to clone.
#[derive(Clone)]
pub struct AppearanceEncoder {
    handle: ModelHandle,
}

impl AppearanceEncoder {
    /// An encoder on that model. Whether the model is one is seen when it has loaded.
    pub const fn new(handle: ModelHandle) -> Self {
        Self { handle }
    }

    /// The model's handle.
    pub const fn handle(&self) -> &ModelHandle {
        &self.handle
    }

    /// Queues one box of a picture; await how who is in it looks.
    ///
    /// # Errors
    /// Whatever keeps the runtime from queueing; `wrong_family`.
    pub fn encode(&self, _picture: Picture, _bbox: BoundingBox, _call: Call) -> Result<Pending<Appearance>, RunError> {
        Err(RunError::new(samovar_runtime::RunErrorKind::Internal, "re-identification models come"))
    }

    /// The same, but waits for a place in the queue: for producers of jobs.
    ///
    /// # Errors
    /// As [`AppearanceEncoder::encode`], but never `QueueFull`.
    pub async fn encode_waiting(
        &self,
        _picture: Picture,
        _bbox: BoundingBox,
        _call: Call,
    ) -> Result<Pending<Appearance>, RunError> {
        Err(RunError::new(samovar_runtime::RunErrorKind::Internal, "re-identification models come"))
    }
}
