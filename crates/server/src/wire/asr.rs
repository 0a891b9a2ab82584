//! What is said in a recording, in Samovar's own JSON.

use super::ms;
use super::transcript::{IncompleteBody, seconds};
use samovar_models::whisper::Word;
use samovar_service::speech::{Transcript, TranscriptSegment};
use serde::Serialize;
use std::sync::Arc;
use std::time::Duration;
use utoipa::ToSchema;

/// What is said in a recording.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AsrAnswer {
    /// All of it.
    #[schema(example = "Hello, I need help.")]
    pub(crate) text: String,
    /// What is spoken, given or detected: `en`. Null where there was nothing to hear.
    #[schema(example = "en")]
    pub(crate) language: Option<&'static str>,
    /// Whether the text is an English translation.
    pub(crate) translated: bool,
    /// How long the recording is.
    #[schema(example = 15.0)]
    pub(crate) duration_s: f64,
    /// In the order in which they were said.
    pub(crate) segments: Vec<AsrSegment>,
    /// The model's configured name.
    #[schema(value_type = String, example = "whisper")]
    pub(crate) model: Arc<str>,
    /// Where the time went.
    pub(crate) timings: AsrTimings,
    /// Why a part of the recording was not heard.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) incomplete: Option<IncompleteBody>,
}

/// A piece of what is said.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AsrSegment {
    /// Its place, from 0.
    pub(crate) id: u64,
    /// Where it begins.
    #[schema(example = 0.42)]
    pub(crate) start_s: f64,
    /// Where it ends.
    #[schema(example = 1.8)]
    pub(crate) end_s: f64,
    /// Without spaces around it.
    pub(crate) text: String,
    /// Where asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) words: Option<Vec<AsrWord>>,
    /// The mean of the logarithm of its window's tokens' probabilities.
    pub(crate) average_logprob: f32,
    /// How likely it is that nobody speaks in its window, 0 to 1.
    pub(crate) no_speech_prob: f32,
    /// By which factor its window's text shrinks when it is compressed.
    pub(crate) compression_ratio: f32,
    /// What its window's tokens were chosen at.
    pub(crate) temperature: f32,
}

/// A word.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AsrWord {
    /// Without spaces around it.
    #[schema(example = "help.")]
    pub(crate) text: String,
    /// Where it begins.
    pub(crate) start_s: f64,
    /// Where it ends.
    pub(crate) end_s: f64,
    /// How likely its tokens were on average, 0 to 1.
    pub(crate) probability: f32,
}

/// Where the time of a recording went.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AsrTimings {
    /// From the request's head to the last byte of the recording.
    #[schema(example = 3.1)]
    pub(crate) receive_ms: f64,
    /// From there to the transcript.
    #[schema(example = 210.0)]
    pub(crate) hear_ms: f64,
    /// `hear_ms` for each second of the recording, as a part of a second: below 1 it is heard faster than it was spoken. Null where it has no length.
    #[schema(example = 0.014)]
    pub(crate) real_time_factor: Option<f64>,
}

impl AsrAnswer {
    /// Of a whole transcript; `with_words` tells its words.
    pub(crate) fn new(transcript: &Transcript, with_words: bool, timings: AsrTimings) -> Self {
        Self {
            text: transcript.text(),
            language: transcript.language.map(|language| language.code()),
            translated: transcript.translated,
            duration_s: seconds(transcript.duration_s),
            segments: transcript.segments.iter().map(|segment| AsrSegment::new(segment, with_words)).collect(),
            model: Arc::clone(&transcript.model),
            timings,
            incomplete: IncompleteBody::of(transcript),
        }
    }
}

impl AsrSegment {
    fn new(segment: &TranscriptSegment, with_words: bool) -> Self {
        Self {
            id: segment.id,
            start_s: seconds(segment.start_s),
            end_s: seconds(segment.end_s),
            text: segment.text.trim().to_owned(),
            words: with_words.then(|| segment.words.iter().map(AsrWord::new).collect()),
            average_logprob: segment.average_logprob,
            no_speech_prob: segment.no_speech_prob,
            compression_ratio: segment.compression_ratio,
            temperature: segment.temperature,
        }
    }
}

impl AsrWord {
    fn new(word: &Word) -> Self {
        Self {
            text: word.text.trim().to_owned(),
            start_s: seconds(word.start_s),
            end_s: seconds(word.end_s),
            probability: word.probability,
        }
    }
}

impl AsrTimings {
    pub(crate) fn new(receive: Duration, hear: Duration, duration_s: f64) -> Self {
        let factor = (duration_s > 0.0).then(|| (hear.as_secs_f64() / duration_s * 1e4).round() / 1e4);
        Self { receive_ms: ms(receive), hear_ms: ms(hear), real_time_factor: factor }
    }
}
