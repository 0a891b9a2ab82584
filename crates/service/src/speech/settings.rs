//! What an operator decides about speech.

use samovar_media::{AudioLimits, FfmpegProgram};

/// What an operator decides about speech.
#[derive(Clone, Debug)]
pub struct SpeechSettings {
    /// The model for requests that name none; none takes the only Whisper.
    pub model: Option<String>,
    /// The model that tells where somebody speaks; none takes the only one of its family, if there is one.
    pub voice_model: Option<String>,
    /// What is accepted of one recording.
    pub audio: AudioLimits,
    /// Decodes what is not read in this process; none refuses it.
    pub ffmpeg: Option<FfmpegProgram>,
    /// Recordings of requests that are heard at once; 0 counts as 1. Default 16.
    pub recordings_max: usize,
}

impl Default for SpeechSettings {
    fn default() -> Self {
        Self { model: None, voice_model: None, audio: AudioLimits::default(), ffmpeg: None, recordings_max: 16 }
    }
}
