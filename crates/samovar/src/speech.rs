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
    let section = &config.speech;
    let bytes_max = parse_bytes(&section.upload_bytes_max).unwrap_or(default.bytes_max);
    let held_bytes_max = section.uploads_bytes_max.as_deref().and_then(parse_bytes);
    AudioUploadLimits {
        bytes_max,
        held_bytes_max: held_bytes_max.unwrap_or(default.held_bytes_max.max(bytes_max)),
        uploads_max: section.uploads_max,
        uploads_per_client_max: section.uploads_per_client_max,
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::check;

    #[test]
    fn what_may_be_sent_is_what_is_configured() {
        let usual = upload_limits(&Config::default());
        assert_eq!(format!("{usual:?}"), format!("{:?}", AudioUploadLimits::default()));
        let one = upload_limits(&check("[speech]\nupload_bytes_max = \"4GiB\"\n").unwrap());
        assert_eq!(one.held_bytes_max, 4 << 30, "one of that size can come");
        let text = "[speech]\nupload_bytes_max = \"1MiB\"\nuploads_bytes_max = \"3MiB\"\nuploads_max = 5\n\
                    uploads_per_client_max = 2\n";
        let limits = upload_limits(&check(text).unwrap());
        assert_eq!((limits.bytes_max, limits.held_bytes_max), (1 << 20, 3 << 20));
        assert_eq!((limits.uploads_max, limits.uploads_per_client_max), (5, 2));
    }
}
