//! Where somebody speaks: Silero's detector, and speech in pieces out of what it says.

mod detector;
mod model;
mod speech;
mod speech_options;
mod speech_tracker;
mod state;
mod task;
mod warm_up;

pub use detector::VoiceDetector;
pub use model::VoiceModel;
pub use speech::{SpeechSegment, speech_segments};
pub use speech_options::SpeechOptions;
pub use speech_tracker::{SpeechEdge, SpeechTracker};
pub use state::VoiceState;

use crate::FamilyHints;
use samovar_engine_api::Signature;
use samovar_runtime::{ContractError, Family};
use std::sync::Arc;

/// Binds the family that `hints` name, or the one of this folder that `signature` can be nothing else than.
///
/// # Errors
/// What was found, what is expected, and what to set.
pub(crate) fn bind(signature: &Signature, hints: &FamilyHints) -> Result<Arc<dyn Family>, ContractError> {
    Ok(Arc::new(VoiceModel::bind(signature, hints)?))
}
