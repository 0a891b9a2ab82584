//! Speech: recordings as text, by any Whisper that is configured.

mod places;
mod recording_class;
mod request;
mod service;
mod settings;
pub mod subtitles;
mod transcript;

pub use places::{Place, PlaceCounts};
pub use recording_class::class_of;
pub use request::{Chunking, TranscribeRequest, language};
pub use service::{SpeechService, TranscriptEvent};
pub use settings::SpeechSettings;
pub use transcript::{Transcript, TranscriptSegment};
