//! What a caller may choose about one transcription.

use super::{Language, SpeechError};

/// Most beams of a search.
pub const BEAMS_MAX: usize = 16;
/// Most temperatures of a fallback.
pub const TEMPERATURES_MAX: usize = 8;
/// Most hotwords.
pub const HOTWORDS_MAX: usize = 256;
/// Longest prompt, and hotwords together: far more than the tokens that are used of it.
const PROMPT_MAX_BYTES: usize = 16 << 10;

/// Which points in time are told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Timestamps {
    /// None: `<|notimestamps|>` is in the prompt, and a window is one segment.
    None,
    /// Begin and end of each segment, as the model tells them.
    #[default]
    Segment,
    /// Of each word as well, out of the cross-attention of the alignment heads.
    Word,
}

/// How a recording is transcribed. The defaults are those of the reference (`openai-whisper`'s `transcribe`), with greedy decoding.
#[derive(Clone, Debug, PartialEq)]
pub struct DecodeOptions {
    /// What is spoken; none detects it in the first window.
    pub language: Option<Language>,
    /// Gives English whatever is spoken. Default false.
    pub translate: bool,
    /// Hypotheses that are followed at temperature 0, 1..=[`BEAMS_MAX`]; 1 is greedy. Default 1.
    pub beams: usize,
    /// Tried one after the other until a text is good enough, 1..=[`TEMPERATURES_MAX`] of 0 to 1; above 0 tokens are drawn.
    pub temperatures: Vec<f32>,
    /// Text that might have come before: spelling and style follow it. The end counts where it is too long.
    pub prompt: Option<String>,
    /// Words to expect; they stand before the previous text in every window. At most [`HOTWORDS_MAX`].
    pub hotwords: Vec<String>,
    /// The text of a window goes before the next one. Default true.
    pub condition_on_previous_text: bool,
    /// Which points in time are told. Default: of segments.
    pub timestamps: Timestamps,
    /// A window whose probability of nobody speaking is above this, and whose text is less likely than `logprob_threshold`, is silent.
    /// None never skips. Default 0.6.
    pub no_speech_threshold: Option<f32>,
    /// A text whose tokens have a lower average log probability is tried again hotter. None takes any. Default -1.
    pub logprob_threshold: Option<f32>,
    /// A text that shrinks by more than this factor repeats itself, and is tried again hotter. None takes any. Default 2.4.
    pub compression_ratio_max: Option<f32>,
    /// Most tokens of a window's text; none takes the positions that the prompt leaves.
    pub tokens_max: Option<usize>,
    /// Of the draws above temperature 0: the same seed gives the same text.
    pub seed: u64,
}

impl Default for DecodeOptions {
    fn default() -> Self {
        Self {
            language: None,
            translate: false,
            beams: 1,
            temperatures: vec![0.0, 0.2, 0.4, 0.6, 0.8, 1.0],
            prompt: None,
            hotwords: Vec::new(),
            condition_on_previous_text: true,
            timestamps: Timestamps::Segment,
            no_speech_threshold: Some(0.6),
            logprob_threshold: Some(-1.0),
            compression_ratio_max: Some(2.4),
            tokens_max: None,
            seed: 0,
        }
    }
}

impl DecodeOptions {
    /// Whether every value is within its bounds; whether the model has what is asked for, its checkpoint tells.
    ///
    /// # Errors
    /// The first value that is not, with what it may be.
    pub fn validate(&self) -> Result<(), SpeechError> {
        within("beams", self.beams as f64, (1.0, BEAMS_MAX as f64))?;
        within("temperatures", self.temperatures.len() as f64, (1.0, TEMPERATURES_MAX as f64))?;
        self.temperatures.iter().try_for_each(|&value| within("temperature", f64::from(value), (0.0, 1.0)))?;
        optional("no_speech_threshold", self.no_speech_threshold, (0.0, 1.0))?;
        optional("logprob_threshold", self.logprob_threshold, (-100.0, 0.0))?;
        optional("compression_ratio_max", self.compression_ratio_max, (0.0, 1_000.0))?;
        within("tokens_max", self.tokens_max.unwrap_or(1) as f64, (1.0, 4_096.0))?;
        short("hotwords", self.hotwords.len(), HOTWORDS_MAX, "words")?;
        short("hotwords", self.hotwords.iter().map(String::len).sum(), PROMPT_MAX_BYTES, "bytes")?;
        short("prompt", self.prompt.as_ref().map_or(0, String::len), PROMPT_MAX_BYTES, "bytes")
    }
}

fn within(name: &'static str, value: f64, (least, most): (f64, f64)) -> Result<(), SpeechError> {
    if (least..=most).contains(&value) { Ok(()) } else { Err(SpeechError::OutOfBounds { name, value, least, most }) }
}

fn optional(name: &'static str, value: Option<f32>, bounds: (f64, f64)) -> Result<(), SpeechError> {
    value.map_or(Ok(()), |value| within(name, f64::from(value), bounds))
}

fn short(name: &'static str, found: usize, allowed: usize, unit: &'static str) -> Result<(), SpeechError> {
    if found <= allowed { Ok(()) } else { Err(SpeechError::TooLong { name, found, allowed, unit }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid() {
        assert_eq!(DecodeOptions::default().validate(), Ok(()));
    }

    #[test]
    fn what_is_out_of_bounds_is_refused() {
        let default = DecodeOptions::default();
        let bad = [
            DecodeOptions { beams: 0, ..default.clone() },
            DecodeOptions { beams: BEAMS_MAX + 1, ..default.clone() },
            DecodeOptions { temperatures: Vec::new(), ..default.clone() },
            DecodeOptions { temperatures: vec![0.0; TEMPERATURES_MAX + 1], ..default.clone() },
            DecodeOptions { temperatures: vec![f32::NAN], ..default.clone() },
            DecodeOptions { no_speech_threshold: Some(1.5), ..default.clone() },
            DecodeOptions { logprob_threshold: Some(f32::NEG_INFINITY), ..default.clone() },
            DecodeOptions { compression_ratio_max: Some(-1.0), ..default.clone() },
            DecodeOptions { tokens_max: Some(0), ..default.clone() },
        ];
        for options in bad {
            assert_eq!(options.validate().unwrap_err().code(), "invalid_option", "{options:?}");
        }
        let long = DecodeOptions { prompt: Some("a".repeat(PROMPT_MAX_BYTES + 1)), ..default.clone() };
        assert_eq!(long.validate().unwrap_err().code(), "text_too_long");
        let many = DecodeOptions { hotwords: vec![String::new(); HOTWORDS_MAX + 1], ..default };
        assert_eq!(many.validate().unwrap_err().code(), "text_too_long");
    }
}
