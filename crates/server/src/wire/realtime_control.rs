//! What OpenAI's realtime clients send. Fields that mean nothing here are passed over, as their clients send what theirs understands.

use super::realtime_session::{OldRealtimeSessionUpdate, RealtimeSessionUpdate};
use crate::error::{ApiError, Refusal};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::borrow::Cow;

/// An event of the client.
#[derive(Debug)]
pub(crate) enum RealtimeControl {
    /// `session.update`.
    Update(Box<RealtimeSessionUpdate>),
    /// `transcription_session.update`, its older form.
    OldUpdate(Box<OldRealtimeSessionUpdate>),
    /// `input_audio_buffer.append`, decoded.
    Append(Vec<u8>),
    /// `input_audio_buffer.commit`.
    Commit,
    /// `input_audio_buffer.clear`.
    Clear,
}

/// What every event has, and the sound of one. Nothing else is read yet: it may be as long as sound is.
#[derive(Deserialize)]
struct Head<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    event_id: Option<String>,
    #[serde(default, borrow)]
    audio: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Update<S> {
    session: S,
}

impl RealtimeControl {
    /// Reads an event; with it, or with the error, the client's own name of it. Anything but sound may have `bytes_max`.
    ///
    /// # Errors
    /// `invalid_control`, `invalid_option`.
    pub(crate) fn read(text: &str, bytes_max: usize) -> (Option<String>, Result<Self, ApiError>) {
        match serde_json::from_str::<Head<'_>>(text) {
            Err(_) => (None, Err(refused("an event is a JSON object with `type`"))),
            Ok(Head { kind, event_id, audio }) => (event_id, Self::of_kind(&kind, audio.as_deref(), text, bytes_max)),
        }
    }

    fn of_kind(kind: &str, audio: Option<&str>, text: &str, bytes_max: usize) -> Result<Self, ApiError> {
        match kind {
            "input_audio_buffer.append" => decode(audio).map(Self::Append),
            _ if text.len() > bytes_max => Err(refused("the event is over the limit")),
            "input_audio_buffer.commit" => Ok(Self::Commit),
            "input_audio_buffer.clear" => Ok(Self::Clear),
            "session.update" => session(text).map(Self::Update),
            "transcription_session.update" => session(text).map(Self::OldUpdate),
            _ => Err(refused(
                "sessions here only transcribe: send session.update, transcription_session.update, input_audio_buffer.append, \
                 .commit or .clear",
            )),
        }
    }
}

/// Sound in base64, with or without padding.
fn decode(audio: Option<&str>) -> Result<Vec<u8>, ApiError> {
    use base64::Engine;
    use base64::alphabet::STANDARD;
    use base64::engine::DecodePaddingMode;
    use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
    const LENIENT: GeneralPurpose = GeneralPurpose::new(
        &STANDARD,
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    let audio = audio.ok_or_else(|| refused("`audio` is missing: send sound in base64").about("audio"))?;
    LENIENT.decode(audio).map_err(|_| refused("`audio` is no base64").about("audio"))
}

fn session<S: DeserializeOwned>(text: &str) -> Result<Box<S>, ApiError> {
    let update = serde_json::from_str::<Update<S>>(text);
    update.map(|update| Box::new(update.session)).map_err(|error| {
        // What serde says of data names the client's own fields and types, and nothing of ours.
        let place = format!("line {}, column {}", error.line(), error.column());
        refused(format!("`session` cannot be read ({place})")).about("session")
    })
}

fn refused(detail: impl Into<Cow<'static, str>>) -> ApiError {
    ApiError::new(Refusal::Control, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<RealtimeControl, ApiError> {
        RealtimeControl::read(text, 64 << 10).1
    }

    #[test]
    fn sound_is_decoded_and_what_is_none_is_refused() {
        let padded = read(r#"{"type":"input_audio_buffer.append","audio":"AAEC/w==","event_id":"7"}"#);
        assert!(matches!(padded, Ok(RealtimeControl::Append(bytes)) if bytes == [0, 1, 2, 255]));
        let bare = read(r#"{"audio":"AAEC/w","type":"input_audio_buffer.append"}"#);
        assert!(matches!(bare, Ok(RealtimeControl::Append(bytes)) if bytes == [0, 1, 2, 255]));
        let (name, error) =
            RealtimeControl::read(r#"{"type":"input_audio_buffer.append","audio":"é","event_id":"x"}"#, 1);
        assert_eq!((name.as_deref(), error.unwrap_err().code()), (Some("x"), "invalid_control"));
        for text in [
            "",
            "[]",
            "{}",
            r#"{"type":7}"#,
            r#"{"type":"input_audio_buffer.append"}"#,
            r#"{"type":"response.create"}"#,
        ] {
            assert_eq!(read(text).unwrap_err().code(), "invalid_control", "{text}");
        }
    }

    #[test]
    fn a_field_that_is_null_is_not_one_that_is_left_out() {
        let turns = |session: &str| {
            let text = format!(r#"{{"type":"session.update","session":{session}}}"#);
            match read(&text).unwrap() {
                RealtimeControl::Update(update) => update.audio.input.turn_detection,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(turns(r#"{"type":"transcription"}"#), None);
        assert_eq!(turns(r#"{"audio":{"input":{"turn_detection":null}}}"#), Some(None));
        let vad = turns(r#"{"audio":{"input":{"turn_detection":{"type":"server_vad","threshold":0.6}}}}"#);
        assert_eq!(vad.unwrap().unwrap().threshold, Some(0.6));
    }

    #[test]
    fn only_sound_may_be_long() {
        let long = "A".repeat(100_000);
        let sound = format!(r#"{{"type":"input_audio_buffer.append","audio":"{long}"}}"#);
        assert!(matches!(read(&sound), Ok(RealtimeControl::Append(bytes)) if bytes.len() == 75_000));
        let update = format!(r#"{{"type":"session.update","session":{{"prompt":"{long}"}}}}"#);
        assert_eq!(read(&update).unwrap_err().code(), "invalid_control");
    }
}
