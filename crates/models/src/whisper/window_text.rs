//! What was heard in a window.

use super::timestamp_cut::cut;
use super::{Language, Quality, SpeechTokenizer, WindowSpan};

/// A word and where it sounds, in seconds from the beginning of the recording.
#[derive(Clone, Debug, PartialEq)]
pub struct Word {
    /// With the space before it, and with the punctuation that goes with it.
    pub text: String,
    /// Where it begins.
    pub start_s: f64,
    /// Where it ends.
    pub end_s: f64,
    /// How likely its tokens were on average, 0 to 1.
    pub probability: f32,
}

/// A piece of text and where it sounds, in seconds from the beginning of the recording.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Segment {
    /// Where it begins.
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
}

/// What the decoder gave for one window at one temperature.
#[derive(Clone, Debug, PartialEq)]
pub struct Decoded {
    /// The tokens without prompt and without the end.
    pub tokens: Vec<u32>,
    /// The natural logarithm of each token's probability, among what the rules allowed.
    pub logprobs: Vec<f32>,
    /// The row that each of these tokens, and the end if there is one, was taken from in its step: greedy has only row 0, beams move.
    pub rows: Vec<usize>,
    /// The mean over the tokens, the end included.
    pub average_logprob: f32,
    /// What the tokens were chosen at.
    pub temperature: f32,
}

/// The accepted text of a window.
#[derive(Clone, Debug, PartialEq)]
pub struct WindowText {
    /// Where the window lies.
    pub span: WindowSpan,
    /// In order; empty where nobody speaks.
    pub segments: Vec<Segment>,
    /// All tokens, timestamps among them, those behind the last segment too.
    pub tokens: Vec<u32>,
    /// The natural logarithm of each token's probability.
    pub logprobs: Vec<f32>,
    /// Their mean, the end included.
    pub average_logprob: f32,
    /// How likely it is that nobody speaks, 0 to 1.
    pub no_speech_prob: f32,
    /// By which factor the text shrinks when it is compressed.
    pub compression_ratio: f32,
    /// What the tokens were chosen at.
    pub temperature: f32,
    /// What is spoken, given or detected.
    pub language: Language,
    /// Frames of 10 ms from the window's beginning to where the next one begins.
    pub advance_frames: usize,
    /// Whether the last segment ended with a single timestamp: nothing is said behind it.
    pub is_closed: bool,
}

impl WindowText {
    /// The text of a window that was accepted.
    pub fn new(decoded: Decoded, span: WindowSpan, heard: Heard, tokenizer: &SpeechTokenizer) -> Self {
        let cut = cut(&decoded.tokens, tokenizer.special(), span.frames());
        let segments = cut.pieces.into_iter().map(|piece| {
            let tokens = &decoded.tokens[piece.tokens.clone()];
            let logprobs = decoded.logprobs.get(piece.tokens).unwrap_or_default();
            Segment {
                start_s: span.start_s() + piece.start_s,
                end_s: span.start_s() + piece.end_s,
                text: tokenizer.text(tokens),
                tokens: tokens.to_vec(),
                logprobs: logprobs.to_vec(),
                words: Vec::new(),
            }
        });
        Self {
            span,
            segments: segments.collect(),
            average_logprob: decoded.average_logprob,
            no_speech_prob: heard.quality.no_speech_prob,
            compression_ratio: heard.quality.compression_ratio,
            temperature: decoded.temperature,
            language: heard.language,
            advance_frames: cut.advance_frames,
            is_closed: cut.is_closed,
            tokens: decoded.tokens,
            logprobs: decoded.logprobs,
        }
    }

    /// A window in which nobody speaks: no text, and the next one begins where it ends.
    pub fn silent(decoded: &Decoded, span: WindowSpan, heard: Heard) -> Self {
        Self {
            span,
            segments: Vec::new(),
            tokens: Vec::new(),
            logprobs: Vec::new(),
            average_logprob: decoded.average_logprob,
            no_speech_prob: heard.quality.no_speech_prob,
            compression_ratio: heard.quality.compression_ratio,
            temperature: decoded.temperature,
            language: heard.language,
            advance_frames: span.frames(),
            is_closed: false,
        }
    }

    /// Tokens of the segments: what follows them was cut off by the window's end.
    pub(super) fn segment_tokens(&self) -> usize {
        self.segments.iter().map(|segment| segment.tokens.len()).sum()
    }

    /// Leaves out segments without text and those that end where they begin: the reference clears them.
    pub(super) fn drop_empty(&mut self) {
        self.segments.retain(|segment| segment.start_s < segment.end_s && !segment.text.trim().is_empty());
    }
}

/// What is known of a window beside its tokens.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Heard {
    /// What is spoken.
    pub language: Language,
    /// How good the text is.
    pub quality: Quality,
}
