//! What was heard in a window.

use super::Language;

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
#[derive(Clone, Debug, PartialEq)]
pub struct Segment {
    /// Where it begins.
    pub start_s: f64,
    /// Where it ends.
    pub end_s: f64,
    /// As the tokens spell it, most often with a space before it.
    pub text: String,
    /// Its tokens with the timestamps.
    pub tokens: Vec<u32>,
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
    /// In order; empty where nobody speaks.
    pub segments: Vec<Segment>,
    /// All tokens, timestamps among them.
    pub tokens: Vec<u32>,
    /// The mean of the natural logarithms of the tokens' probabilities.
    pub average_logprob: f32,
    /// How likely it is that nobody speaks, 0 to 1.
    pub no_speech_prob: f32,
    /// By which factor the text shrinks when it is compressed.
    pub compression_ratio: f32,
    /// What the tokens were chosen at.
    pub temperature: f32,
    /// What is spoken, given or detected.
    pub language: Language,
}
