//! What a caller may choose about where speech begins and ends.

use crate::OptionsError;
use crate::detect_options::in_unit;

/// Where speech begins and ends, given how likely each chunk is to be some. The defaults are those of Silero's
/// `get_speech_timestamps`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SpeechOptions {
    /// From this probability on, 0 to 1, a chunk is speech. Default 0.5.
    pub threshold: f32,
    /// Below this one, but never above `threshold`, a chunk ends speech, 0 to 1: what lies between the two goes on with what was. None takes 0.15 less than
    /// `threshold`, and at least 0.01.
    pub threshold_end: Option<f32>,
    /// Speech that is not longer than this is none. Default 250.
    pub speech_min_ms: u32,
    /// Only a silence of this length ends speech. Default 100.
    pub silence_min_ms: u32,
    /// So much is added before and after, but never more than half of the silence between. Default 30.
    pub padding_ms: u32,
}

/// The longest time of an option, in milliseconds.
const TIME_MAX_MS: u32 = 60_000;

impl Default for SpeechOptions {
    fn default() -> Self {
        Self { threshold: 0.5, threshold_end: None, speech_min_ms: 250, silence_min_ms: 100, padding_ms: 30 }
    }
}

impl SpeechOptions {
    /// Whether every value is within its bounds.
    ///
    /// # Errors
    /// The first value that is not, with what it may be.
    pub fn validate(&self) -> Result<(), OptionsError> {
        in_unit("threshold", self.threshold)?;
        self.threshold_end.map_or(Ok(()), |value| in_unit("threshold_end", value))?;
        let times = [
            ("speech_min_ms", self.speech_min_ms),
            ("silence_min_ms", self.silence_min_ms),
            ("padding_ms", self.padding_ms),
        ];
        match times.into_iter().find(|(_, value)| *value > TIME_MAX_MS) {
            Some((name, value_ms)) => Err(OptionsError::TimeTooLong { name, value_ms, most_ms: TIME_MAX_MS }),
            None => Ok(()),
        }
    }

    /// Below this one a chunk ends speech.
    pub(super) fn end_below(&self) -> f32 {
        self.threshold_end.unwrap_or_else(|| (self.threshold - 0.15).max(0.01)).min(self.threshold)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_out_of_bounds_is_refused() {
        let default = SpeechOptions::default();
        assert_eq!(default.validate(), Ok(()));
        let bad = [
            SpeechOptions { threshold: f32::NAN, ..default },
            SpeechOptions { threshold_end: Some(1.5), ..default },
            SpeechOptions { speech_min_ms: TIME_MAX_MS + 1, ..default },
            SpeechOptions { silence_min_ms: u32::MAX, ..default },
            SpeechOptions { padding_ms: u32::MAX, ..default },
        ];
        for options in bad {
            assert_eq!(options.validate().unwrap_err().code(), "invalid_option", "{options:?}");
        }
    }
}
