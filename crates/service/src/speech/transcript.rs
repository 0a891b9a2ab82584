//! What is said in a recording.

use crate::ServiceError;
use samovar_models::whisper::{Language, Segment, WindowText, Word};
use std::sync::Arc;

/// Samples of a frame, by which the reference counts where a window begins: 10 ms at 16 kHz.
const FRAME_SAMPLES: u64 = 160;

/// What is said in a recording.
#[derive(Clone, Debug)]
pub struct Transcript {
    /// The model's configured name.
    pub model: Arc<str>,
    /// What is spoken, given or detected; none where there was nothing to hear.
    pub language: Option<Language>,
    /// Whether the text is an English translation.
    pub translated: bool,
    /// How long the recording is, in seconds, as far as it could be decoded.
    pub duration_s: f64,
    /// In the order in which they were said; without those that say nothing.
    pub segments: Vec<TranscriptSegment>,
    /// Why a part of the recording was not heard (it is damaged, cut off, or the decoder failed on the way); none where all of it was.
    pub failure: Option<ServiceError>,
}

/// A piece of a transcript: a sentence, or what the model makes one of.
#[derive(Clone, Debug, PartialEq)]
pub struct TranscriptSegment {
    /// Its place, counted from 0.
    pub id: u64,
    /// Where the window begins that it was heard in, in frames of 10 ms from the recording's beginning.
    pub seek: u64,
    /// Where it begins, in seconds from the recording's beginning.
    pub start_s: f64,
    /// Where it ends.
    pub end_s: f64,
    /// As the tokens spell it, most often with a space before it.
    pub text: String,
    /// Its tokens with the timestamps.
    pub tokens: Vec<u32>,
    /// The natural logarithm of each of these tokens' probability.
    pub logprobs: Vec<f32>,
    /// Its words; empty where they were not asked for.
    pub words: Vec<Word>,
    /// What its window's tokens were chosen at.
    pub temperature: f32,
    /// The mean of the natural logarithm of its window's tokens' probabilities.
    pub average_logprob: f32,
    /// By which factor its window's text shrinks when it is compressed.
    pub compression_ratio: f32,
    /// How likely it is that nobody speaks in its window, 0 to 1.
    pub no_speech_prob: f32,
}

impl Transcript {
    /// All that is said, without space at its ends.
    pub fn text(&self) -> String {
        let all: String = self.segments.iter().map(|segment| segment.text.as_str()).collect();
        all.trim().to_owned()
    }

    /// All words, where they were asked for.
    pub fn words(&self) -> impl Iterator<Item = &Word> {
        self.segments.iter().flat_map(|segment| &segment.words)
    }
}

impl TranscriptSegment {
    /// The segments of a window, counted on from `id`.
    pub fn of_window(text: WindowText, id: u64) -> impl Iterator<Item = Self> {
        let WindowText { span, segments, temperature, average_logprob, compression_ratio, no_speech_prob, .. } = text;
        let seek = span.first_sample / FRAME_SAMPLES;
        segments.into_iter().zip(id..).map(move |(segment, id)| {
            let Segment { start_s, end_s, text, tokens, logprobs, words } = segment;
            Self {
                id,
                seek,
                start_s,
                end_s,
                text,
                tokens,
                logprobs,
                words,
                temperature,
                average_logprob,
                compression_ratio,
                no_speech_prob,
            }
        })
    }
}
