//! What may come next: the rules that a row's logits are held to before a token is chosen.

use super::log_sum::{highest, log_sum_exp};
use super::{Checkpoint, SpecialTokens};

/// Suppressed tokens and the grammar of timestamps, as transformers' logits processors of Whisper have them
/// (`SuppressTokensLogitsProcessor`, `SuppressTokensAtBeginLogitsProcessor`, `WhisperTimeStampLogitsProcessor`).
#[derive(Clone, Debug)]
pub struct LogitRules {
    special: SpecialTokens,
    suppressed: Vec<u32>,
    suppressed_first: Vec<u32>,
    first_timestamp_max: Option<u32>,
    with_timestamps: bool,
}

impl LogitRules {
    /// The rules of that model, with those of timestamps or without.
    pub fn new(checkpoint: &Checkpoint, with_timestamps: bool) -> Self {
        Self {
            special: checkpoint.special,
            suppressed: checkpoint.suppressed.clone(),
            suppressed_first: checkpoint.suppressed_first.clone(),
            first_timestamp_max: checkpoint.first_timestamp_max,
            with_timestamps,
        }
    }

    /// The tokens that mean something to the rules.
    pub const fn special(&self) -> &SpecialTokens {
        &self.special
    }

    /// Sets what may not come to minus infinity, given the tokens after the prompt.
    pub fn apply(&self, logits: &mut [f32], tokens: &[u32]) {
        if tokens.is_empty() {
            forbid(logits, &self.suppressed_first);
        }
        forbid(logits, &self.suppressed);
        if self.with_timestamps {
            self.keep_pairs(logits, tokens);
            self.keep_order(logits, tokens);
            if tokens.is_empty() {
                self.keep_first(logits);
            }
            self.prefer_timestamps(logits);
        }
    }

    /// Timestamps come in pairs, except before the end: where one segment ends, the next begins.
    fn keep_pairs(&self, logits: &mut [f32], tokens: &[u32]) {
        forbid(logits, &[self.special.no_timestamps]);
        match self.last_two(tokens) {
            (true, true) => forbid_range(logits, self.special.timestamp_first, u32::MAX),
            (true, false) => forbid_range(logits, 0, self.special.end),
            (false, _) => {}
        }
    }

    /// Time does not go back, and a segment does not end where it began.
    fn keep_order(&self, logits: &mut [f32], tokens: &[u32]) {
        let Some(&last) = tokens.iter().rev().find(|&&token| self.special.is_timestamp(token)) else { return };
        let first_allowed = if self.last_two(tokens) == (true, false) { last } else { last.saturating_add(1) };
        forbid_range(logits, self.special.timestamp_first, first_allowed);
    }

    /// A timestamp comes first, and not too late a one.
    fn keep_first(&self, logits: &mut [f32]) {
        forbid_range(logits, 0, self.special.timestamp_first);
        if let Some(most) = self.first_timestamp_max {
            forbid_range(logits, self.special.timestamp_first.saturating_add(most).saturating_add(1), u32::MAX);
        }
    }

    /// Where all timestamps together are more likely than any one other token, a timestamp comes.
    fn prefer_timestamps(&self, logits: &mut [f32]) {
        let (others, timestamps) = logits.split_at_mut(logits.len().min(self.special.timestamp_first as usize));
        if log_sum_exp(timestamps) > highest(others) {
            others.fill(f32::NEG_INFINITY);
        }
    }

    /// Whether the last token is a timestamp, and whether the one before it is; a token that is not there counts as one.
    fn last_two(&self, tokens: &[u32]) -> (bool, bool) {
        let is_timestamp = |token: &u32| self.special.is_timestamp(*token);
        let before = tokens.len().checked_sub(2).is_none_or(|index| is_timestamp(&tokens[index]));
        (tokens.last().is_some_and(is_timestamp), before)
    }
}

fn forbid(logits: &mut [f32], tokens: &[u32]) {
    for &token in tokens {
        if let Some(logit) = logits.get_mut(token as usize) {
            *logit = f32::NEG_INFINITY;
        }
    }
}

/// Forbids tokens from the first one to the one before the last.
fn forbid_range(logits: &mut [f32], from: u32, to: u32) {
    let to = logits.len().min(to as usize);
    if let Some(range) = logits.get_mut(from as usize..to) {
        range.fill(f32::NEG_INFINITY);
    }
}
