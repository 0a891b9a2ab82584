//! What is said in a recording, in the JSON of OpenAI's transcriptions and translations.

use crate::error::ApiError;
use crate::wire::Granularities;
use samovar_models::whisper::{SpeechTokenizer, Word};
use samovar_service::speech::{Transcript, TranscriptSegment};
use serde::Serialize;
use utoipa::ToSchema;

/// The format `json`.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TranscriptionBody {
    /// All that is said.
    #[schema(example = "Hello, I need help.")]
    pub(crate) text: String,
    /// How likely each token of the text is; where asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) logprobs: Option<Vec<LogprobBody>>,
    /// What is spoken; empty where nobody speaks.
    pub(crate) languages: Vec<LanguageBody>,
    /// How much was heard.
    pub(crate) usage: UsageBody,
    /// Why a part of the recording was not heard.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) incomplete: Option<IncompleteBody>,
}

/// The format `verbose_json`.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct VerboseTranscriptionBody {
    /// `transcribe` or `translate`.
    #[schema(example = "transcribe")]
    pub(crate) task: &'static str,
    /// What is spoken, by its English name; `unknown` where nobody speaks; of a translation always `english`.
    #[schema(example = "english")]
    pub(crate) language: &'static str,
    /// How long the recording is, in seconds.
    #[schema(example = 15.0)]
    pub(crate) duration: f64,
    /// All that is said.
    pub(crate) text: String,
    /// In the order in which they were said; not there where only words were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) segments: Option<Vec<SegmentBody>>,
    /// Where asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) words: Option<Vec<WordBody>>,
    /// How likely each token of the text is; where asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) logprobs: Option<Vec<LogprobBody>>,
    /// How much was heard.
    pub(crate) usage: UsageBody,
    /// Why a part of the recording was not heard.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) incomplete: Option<IncompleteBody>,
}

/// A piece of what is said.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SegmentBody {
    /// Its place, from 0.
    pub(crate) id: u64,
    /// Where its window begins, in frames of 10 ms.
    pub(crate) seek: u64,
    /// Where it begins, in seconds.
    #[schema(example = 0.42)]
    pub(crate) start: f64,
    /// Where it ends, in seconds.
    #[schema(example = 1.8)]
    pub(crate) end: f64,
    /// As the tokens spell it.
    pub(crate) text: String,
    /// Its tokens, with the timestamps.
    pub(crate) tokens: Vec<u32>,
    /// What its window's tokens were chosen at.
    pub(crate) temperature: f32,
    /// The mean of the logarithm of its window's tokens' probabilities.
    pub(crate) avg_logprob: f32,
    /// By which factor its window's text shrinks when it is compressed.
    pub(crate) compression_ratio: f32,
    /// How likely it is that nobody speaks in its window.
    pub(crate) no_speech_prob: f32,
}

/// A word.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WordBody {
    /// Without spaces around it.
    #[schema(example = "help.")]
    pub(crate) word: String,
    /// Where it begins, in seconds.
    pub(crate) start: f64,
    /// Where it ends, in seconds.
    pub(crate) end: f64,
}

/// How likely a token is.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct LogprobBody {
    /// What it spells; a part of a character is U+FFFD.
    pub(crate) token: String,
    /// The natural logarithm of its probability.
    pub(crate) logprob: f32,
    /// Its bytes in UTF-8.
    #[schema(value_type = Vec<u32>)]
    pub(crate) bytes: Vec<u8>,
}

/// What is spoken.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LanguageBody {
    /// Of ISO 639, as Whisper has it.
    #[schema(example = "en")]
    pub(crate) code: &'static str,
}

/// How much was heard.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub(crate) struct UsageBody {
    /// Always `duration`.
    #[serde(rename = "type")]
    #[schema(example = "duration")]
    pub(crate) kind: &'static str,
    /// How long the recording is, in seconds.
    #[schema(example = 15.0)]
    pub(crate) seconds: f64,
}

/// Why a part of the recording was not heard.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct IncompleteBody {
    /// For programs.
    #[schema(example = "audio_damaged")]
    pub(crate) code: &'static str,
    /// For people.
    pub(crate) detail: String,
}

impl TranscriptionBody {
    /// Of a whole transcript.
    pub(crate) fn new(transcript: &Transcript, logprobs: Option<Vec<LogprobBody>>) -> Self {
        Self {
            text: transcript.text(),
            logprobs,
            languages: languages(transcript),
            usage: UsageBody::of(transcript),
            incomplete: IncompleteBody::of(transcript),
        }
    }
}

impl VerboseTranscriptionBody {
    /// Of a whole transcript.
    pub(crate) fn new(transcript: &Transcript, times: Granularities, logprobs: Option<Vec<LogprobBody>>) -> Self {
        let spoken = transcript.language.map_or("unknown", |language| language.name());
        Self {
            task: if transcript.translated { "translate" } else { "transcribe" },
            language: if transcript.translated { "english" } else { spoken },
            duration: seconds(transcript.duration_s),
            text: transcript.text(),
            segments: times.segments().then(|| transcript.segments.iter().map(SegmentBody::new).collect()),
            words: times.words().then(|| transcript.words().map(WordBody::new).collect()),
            logprobs,
            usage: UsageBody::of(transcript),
            incomplete: IncompleteBody::of(transcript),
        }
    }
}

impl SegmentBody {
    fn new(segment: &TranscriptSegment) -> Self {
        Self {
            id: segment.id,
            seek: segment.seek,
            start: seconds(segment.start_s),
            end: seconds(segment.end_s),
            text: segment.text.clone(),
            tokens: segment.tokens.clone(),
            temperature: segment.temperature,
            avg_logprob: segment.average_logprob,
            compression_ratio: segment.compression_ratio,
            no_speech_prob: segment.no_speech_prob,
        }
    }
}

impl WordBody {
    pub(crate) fn new(word: &Word) -> Self {
        Self { word: word.text.trim().to_owned(), start: seconds(word.start_s), end: seconds(word.end_s) }
    }
}

impl LogprobBody {
    /// Of each token of text in a segment.
    pub(crate) fn of(segment: &TranscriptSegment, tokenizer: &SpeechTokenizer) -> Vec<Self> {
        let tokens = segment.tokens.iter().zip(&segment.logprobs);
        let text = tokens.filter(|(token, _)| tokenizer.special().is_text(**token));
        text.map(|(&token, &logprob)| Self {
            token: tokenizer.text(&[token]),
            logprob,
            bytes: tokenizer.bytes(token).to_vec(),
        })
        .collect()
    }
}

impl UsageBody {
    pub(crate) fn of(transcript: &Transcript) -> Self {
        Self { kind: "duration", seconds: seconds(transcript.duration_s) }
    }
}

impl IncompleteBody {
    pub(crate) fn of(transcript: &Transcript) -> Option<Self> {
        let error = ApiError::from(transcript.failure.clone()?);
        Some(Self { code: error.code(), detail: error.sentence() })
    }
}

/// What is spoken; nothing where nobody speaks.
pub(crate) fn languages(transcript: &Transcript) -> Vec<LanguageBody> {
    transcript.language.into_iter().map(|language| LanguageBody { code: language.code() }).collect()
}

/// Of about how many numbers an answer consists.
pub(crate) fn transcript_numbers(transcript: &Transcript) -> usize {
    transcript.segments.iter().map(|segment| 8 + segment.tokens.len() + 4 * segment.words.len()).sum()
}

/// To the millisecond: what is finer means nothing here.
pub(crate) fn seconds(seconds: f64) -> f64 {
    (seconds * 1e3).round() / 1e3
}
