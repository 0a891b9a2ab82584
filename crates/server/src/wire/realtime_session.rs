//! A realtime session as OpenAI's clients know it: what they ask for, and what is in force. There is a nested form and an older flat one.

use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

/// What a client asks for with `session.update`. What is left out stays.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(crate) struct RealtimeSessionUpdate {
    /// `transcription`.
    #[serde(rename = "type")]
    pub(crate) kind: Option<String>,
    /// The sound.
    #[serde(default)]
    pub(crate) audio: RealtimeAudioUpdate,
    /// What is told beside the text; nothing can be.
    pub(crate) include: Option<Vec<String>>,
}

/// What a client asks for about sound.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(crate) struct RealtimeAudioUpdate {
    /// The sound that comes in.
    #[serde(default)]
    pub(crate) input: RealtimeInputUpdate,
}

/// What a client asks for about the sound that comes in.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(crate) struct RealtimeInputUpdate {
    /// How it is written.
    pub(crate) format: Option<RealtimeFormat>,
    /// How it is transcribed.
    pub(crate) transcription: Option<RealtimeTranscription>,
    /// What ends an item; null: `input_audio_buffer.commit`.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<RealtimeTurns>)]
    pub(crate) turn_detection: Option<Option<RealtimeTurns>>,
}

/// What a client asks for with `transcription_session.update`. What is left out stays.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(crate) struct OldRealtimeSessionUpdate {
    /// `pcm16`, `g711_ulaw` or `g711_alaw`.
    pub(crate) input_audio_format: Option<String>,
    /// How it is transcribed.
    pub(crate) input_audio_transcription: Option<RealtimeTranscription>,
    /// What ends an item; null: `input_audio_buffer.commit`.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<RealtimeTurns>)]
    pub(crate) turn_detection: Option<Option<RealtimeTurns>>,
    /// What is told beside the text; nothing can be.
    pub(crate) include: Option<Vec<String>>,
}

/// How sound is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct RealtimeFormat {
    /// `audio/pcm` (16 bits, little-endian, mono), `audio/pcmu` or `audio/pcma`.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// Samples per second of `audio/pcm`; 24,000 where left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rate: Option<u32>,
}

/// How sound is transcribed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct RealtimeTranscription {
    /// The model's configured name.
    pub(crate) model: Option<String>,
    /// What is spoken; an empty one finds it out.
    pub(crate) language: Option<String>,
    /// Text that might have come before.
    pub(crate) prompt: Option<String>,
    /// Words to expect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) keywords: Option<Vec<String>>,
}

/// What ends an item.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub(crate) struct RealtimeTurns {
    /// `server_vad`: a pause.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// From this probability on it is speech, 0 to 1; 0.5 where left out.
    pub(crate) threshold: Option<f32>,
    /// So much sound before speech is heard with it; 300 ms where left out.
    pub(crate) prefix_padding_ms: Option<u32>,
    /// A pause of this length ends an item; 500 ms where left out.
    pub(crate) silence_duration_ms: Option<u32>,
}

/// What is in force.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum RealtimeSessionBody {
    /// As `session.update` has it.
    Nested(NestedSessionBody),
    /// As `transcription_session.update` has it.
    Flat(FlatSessionBody),
}

/// What is in force, nested.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NestedSessionBody {
    pub(crate) id: String,
    pub(crate) object: &'static str,
    #[serde(rename = "type")]
    pub(crate) kind: &'static str,
    pub(crate) audio: NestedAudioBody,
    pub(crate) include: Option<Vec<String>>,
}

/// The sound.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NestedAudioBody {
    pub(crate) input: NestedInputBody,
}

/// The sound that comes in.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NestedInputBody {
    pub(crate) format: RealtimeFormat,
    pub(crate) transcription: RealtimeTranscription,
    pub(crate) noise_reduction: Option<String>,
    pub(crate) turn_detection: Option<RealtimeTurns>,
}

/// What is in force, flat.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FlatSessionBody {
    pub(crate) id: String,
    pub(crate) object: &'static str,
    pub(crate) input_audio_format: &'static str,
    pub(crate) input_audio_transcription: RealtimeTranscription,
    pub(crate) input_audio_noise_reduction: Option<String>,
    pub(crate) turn_detection: Option<RealtimeTurns>,
    pub(crate) include: Option<Vec<String>>,
}

/// A field that is there, null or not.
fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}
