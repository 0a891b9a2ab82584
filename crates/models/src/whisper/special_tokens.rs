//! The tokens of Whisper that are no text.

use std::ops::Range;

/// Ids of the tokens that steer the decoder. All of them lie above the tokens of text, and the timestamps above all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpecialTokens {
    /// `<|endoftext|>`: the text ends. Tokens below this one are text.
    pub end: u32,
    /// `<|startoftranscript|>`.
    pub start: u32,
    /// `<|translate|>`: the text is to be English.
    pub translate: u32,
    /// `<|transcribe|>`: the text is to be in the language that is spoken.
    pub transcribe: u32,
    /// `<|startofprev|>`: what follows is the text before.
    pub previous: u32,
    /// `<|nospeech|>`, in some files `<|nocaptions|>`: its probability at the start is that of nobody speaking.
    pub no_speech: u32,
    /// `<|notimestamps|>`.
    pub no_timestamps: u32,
    /// `<|0.00|>`; the timestamps follow in steps of 0.02 s.
    pub timestamp_first: u32,
}

impl SpecialTokens {
    /// Length of a step of the timestamps, in seconds: two frames of 10 ms.
    pub const TIMESTAMP_STEP_S: f64 = 0.02;

    /// Whether a token is a point in time.
    pub const fn is_timestamp(&self, token: u32) -> bool {
        token >= self.timestamp_first
    }

    /// Whether a token is a piece of text.
    pub const fn is_text(&self, token: u32) -> bool {
        token < self.end
    }

    /// Steps of a timestamp from the beginning of its window; 0 for a token that is none.
    pub const fn timestamp_steps(&self, token: u32) -> u32 {
        token.saturating_sub(self.timestamp_first)
    }

    /// The special tokens in the order that Whisper's vocabularies have behind `<|startoftranscript|>` and the languages, given the
    /// last of them.
    pub(super) const fn before(no_timestamps: u32, start: u32, end: u32) -> Option<Self> {
        let Some(translate) = no_timestamps.checked_sub(5) else { return None };
        if translate <= start {
            return None;
        }
        Some(Self {
            end,
            start,
            translate,
            transcribe: translate + 1,
            previous: no_timestamps - 2,
            no_speech: no_timestamps - 1,
            no_timestamps,
            timestamp_first: no_timestamps + 1,
        })
    }

    /// Where the languages' tokens lie in that order.
    pub(super) const fn languages(&self) -> Range<u32> {
        self.start + 1..self.translate
    }
}
