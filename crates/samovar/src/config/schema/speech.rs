//! `[speech]`, `[calls]` and `[triage]`: what hears, what is kept of calls, and what tells how urgent they are.

use schemars::JsonSchema;
use serde::Deserialize;
use std::path::PathBuf;

/// What hears recordings and calls, and what sound they may bring.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SpeechSection {
    /// The model that hears words, where a request names none. Default: the only one of the family `whisper`.
    pub model: Option<String>,
    /// The model that hears where somebody speaks. Default: the only one of the family `silero-vad`, where there is one.
    pub voice_model: Option<String>,
    /// The longest recording.
    #[schemars(range(min = 1, max = 360_000))]
    pub duration_max_s: u64,
    /// Bytes of one recording.
    pub upload_bytes_max: String,
    /// Bytes of all recordings that are on their way in or being heard. Default: 2 GiB, or one recording where that is more.
    pub uploads_bytes_max: Option<String>,
    /// How many recordings may be on their way in or being heard.
    #[schemars(range(min = 1, max = 100_000))]
    pub uploads_max: usize,
    /// The same of one client.
    #[schemars(range(min = 1, max = 100_000))]
    pub uploads_per_client_max: usize,
    /// From a recording's arrival to its answer.
    #[schemars(range(min = 1, max = 86_400))]
    pub recording_time_max_s: u64,
    /// Recordings that are heard at once; others wait.
    #[schemars(range(min = 1, max = 10_000))]
    pub recordings_max: usize,
}

/// What is kept of calls.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CallsSection {
    /// Where. Default: nothing is kept.
    pub folder: Option<PathBuf>,
    /// How long a call is kept after its end.
    #[schemars(range(min = 1, max = 36_500))]
    pub keep_days: u64,
    /// Whether what was heard is kept besides.
    pub audio: CallAudioName,
    /// Bytes of the sound of one call; what comes after is not kept.
    pub audio_bytes_max: String,
    /// Bytes of the database.
    pub bytes_max: String,
    /// Bytes that must stay free on the disk: below, no sound is kept.
    pub free_bytes_min: String,
}

/// What becomes of a call's sound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CallAudioName {
    /// It is heard and let go.
    #[default]
    None,
    /// It is kept with the call, as mono WAV of 16 kHz.
    Keep,
}

/// What tells how urgent a call is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TriageSection {
    /// A file of rules, read again when it changes. Default: those that Samovar brings.
    pub rules: Option<PathBuf>,
}

impl Default for SpeechSection {
    fn default() -> Self {
        Self {
            model: None,
            voice_model: None,
            duration_max_s: 43_200,
            upload_bytes_max: "100MiB".to_owned(),
            uploads_bytes_max: None,
            uploads_max: 256,
            uploads_per_client_max: 64,
            recording_time_max_s: 600,
            recordings_max: 16,
        }
    }
}

impl Default for CallsSection {
    fn default() -> Self {
        Self {
            folder: None,
            keep_days: 30,
            audio: CallAudioName::None,
            audio_bytes_max: "1GiB".to_owned(),
            bytes_max: "16GiB".to_owned(),
            free_bytes_min: "256MiB".to_owned(),
        }
    }
}
