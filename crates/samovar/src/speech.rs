//! From what is configured of speech and of kept calls to what the server takes.

use crate::config::{CallAudioName, Config, parse_bytes};
use crate::here;
use samovar_calls::StoreLimits;
use samovar_media::AudioLimits;
use samovar_server::{AudioUploadLimits, CallSettings};
use samovar_service::speech::SpeechSettings;
use std::time::Duration;

/// What hears, and what sound it is given.
pub fn speech_settings(config: &Config) -> SpeechSettings {
    let section = &config.speech;
    let audio = AudioLimits { duration: Duration::from_secs(section.duration_max_s), ..AudioLimits::default() };
    SpeechSettings {
        model: section.model.clone(),
        voice_model: section.voice_model.clone(),
        audio,
        // What is read in this process needs none; what is not is refused by name where there is none.
        ffmpeg: here::ffmpeg(config).ok(),
        recordings_max: section.recordings_max,
    }
}

/// What recordings may be sent.
pub fn upload_limits(config: &Config) -> AudioUploadLimits {
    let default = AudioUploadLimits::default();
    let bytes_max = parse_bytes(&config.speech.upload_bytes_max).unwrap_or(default.bytes_max);
    AudioUploadLimits { bytes_max, held_bytes_max: default.held_bytes_max.max(bytes_max), ..default }
}

/// What is kept of calls, where there is a folder for it.
pub fn call_settings(config: &Config) -> Option<CallSettings> {
    let section = &config.calls;
    let settings = CallSettings::new(section.folder.clone()?);
    let bytes = |text: &str, usual| parse_bytes(text).unwrap_or(usual);
    Some(CallSettings {
        keep: Duration::from_hours(24 * section.keep_days),
        keep_audio: section.audio == CallAudioName::Keep,
        audio_bytes_max: bytes(&section.audio_bytes_max, settings.audio_bytes_max),
        free_bytes_min: bytes(&section.free_bytes_min, settings.free_bytes_min),
        store: StoreLimits { bytes_max: bytes(&section.bytes_max, settings.store.bytes_max), ..settings.store },
        ..settings
    })
}
