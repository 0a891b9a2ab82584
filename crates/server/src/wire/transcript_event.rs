//! What is told of a recording while it is heard, in the JSON of OpenAI's streams.

use super::transcript::{IncompleteBody, LanguageBody, LogprobBody, UsageBody, WordBody, languages, seconds};
use samovar_service::speech::{Transcript, TranscriptSegment};
use serde::Serialize;
use utoipa::ToSchema;

/// An event of a stream of a transcription, as the `data` of a Server-Sent Event.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "type")]
pub(crate) enum TranscriptEventBody {
    /// More text. All of it, put together, is that of the last event.
    #[serde(rename = "transcript.text.delta")]
    Delta {
        /// With the space before it.
        delta: String,
        /// Which segment it is.
        segment_id: String,
        /// How likely its tokens are; where asked for.
        #[serde(skip_serializing_if = "Option::is_none")]
        logprobs: Option<Vec<LogprobBody>>,
    },
    /// Where the text sounds that came just before.
    #[serde(rename = "transcript.text.segment")]
    Segment {
        /// The segment.
        id: String,
        /// Where it begins, in seconds.
        start: f64,
        /// Where it ends, in seconds.
        end: f64,
        /// What is said in it.
        text: String,
        /// Its words; where asked for.
        #[serde(skip_serializing_if = "Option::is_none")]
        words: Option<Vec<WordBody>>,
    },
    /// The end: everything was heard.
    #[serde(rename = "transcript.text.done")]
    Done {
        /// All that is said.
        text: String,
        /// How likely its tokens are; where asked for.
        #[serde(skip_serializing_if = "Option::is_none")]
        logprobs: Option<Vec<LogprobBody>>,
        /// What is spoken; empty where nobody speaks.
        languages: Vec<LanguageBody>,
        /// How much was heard.
        usage: UsageBody,
        /// Why a part of the recording was not heard.
        #[serde(skip_serializing_if = "Option::is_none")]
        incomplete: Option<IncompleteBody>,
    },
}

impl TranscriptEventBody {
    /// The text of a segment. The first has no space before it.
    pub(crate) fn delta(segment: &TranscriptSegment, is_first: bool, logprobs: Option<Vec<LogprobBody>>) -> Self {
        let text = if is_first { segment.text.trim_start() } else { &segment.text };
        Self::Delta { delta: text.to_owned(), segment_id: name(segment), logprobs }
    }

    /// Where a segment sounds, and with `with_words` its words.
    pub(crate) fn segment(segment: &TranscriptSegment, with_words: bool) -> Self {
        Self::Segment {
            id: name(segment),
            start: seconds(segment.start_s),
            end: seconds(segment.end_s),
            text: segment.text.trim().to_owned(),
            words: with_words.then(|| segment.words.iter().map(WordBody::new).collect()),
        }
    }

    /// The last one.
    pub(crate) fn done(transcript: &Transcript, logprobs: Option<Vec<LogprobBody>>) -> Self {
        Self::Done {
            text: transcript.text(),
            logprobs,
            languages: languages(transcript),
            usage: UsageBody::of(transcript),
            incomplete: IncompleteBody::of(transcript),
        }
    }
}

fn name(segment: &TranscriptSegment) -> String {
    format!("seg_{}", segment.id)
}
